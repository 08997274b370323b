/** How the comparison of an endpoint with a plain server is told, and what it needs. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { type EndpointDocument, endpointDocument, endpointTable } from '../../bench/endpoint/document.ts';

it('tells ratios beside their bounds, and how many probes of the store a read of what waits takes longer', () => {
  const figures = {
    openMs: { plain: 200, own: 1_000 },
    queryMs: { plain: 5, indexOnly: 6, indexAndWal: 46 },
    quickQueryMs: { plain: 4, indexOnly: 5, indexAndWal: 25 },
    probes: 3,
    addsPerSecond: { plain: 10, own: 25 },
  };
  const document = endpointDocument.parse({
    run: {
      ...{ date: '2026-11-27T03:00:00.000Z', commit: 'c', command: 'npm run bench:endpoint', machine: 'm' },
      ...{ node: '24.0.0', engine: 'chroma 1.5.9', seconds: 1, isQuick: false },
    },
    ...{ records: 500, snapshotBytes: 1 },
    networks: [
      { network: 'local', storeReadMs: 0, ...figures },
      { network: 'aws', storeReadMs: 20, ...figures },
    ],
  } satisfies EndpointDocument);

  const table = endpointTable(document);

  expect(table).toMatch(/local +\| `add` of ten records, 8 clients, per s +\| 10\.0 +\| 25\.0 +\| 2\.50 +\| >= 2 /);
  expect(table).toMatch(/local +\| query at `index_only`, p50 ms +\| 5\.0 +\| 6\.0 +\| 1\.20 +\| <= 1\.3 /);
  expect(table).toMatch(/aws +\| query at `index_and_wal`, p10 ms .*\| 6\.25 +\| 1\.0 probes later /);
  expect(table.match(/probes later/g)).toHaveLength(2);
});

it('says at once which engine it needs, and measures nothing with an older one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bench-endpoint-'));
  const old = join(folder, 'chroma');
  await writeFile(old, '#!/bin/sh\necho "chroma 1.0.0"\n', { mode: 0o755 });
  const command = fileURLToPath(new URL('../../bench/endpoint.ts', import.meta.url));

  const ended = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    const env = { ...process.env, CHROMA_BIN: old };
    execFile(process.execPath, ['--disable-warning=ExperimentalWarning', command], { env }, (error, _stdout, stderr) =>
      resolve({ code: error?.code, stderr }),
    );
  });
  await rm(folder, { recursive: true });

  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(
    /^Nothing was measured: The Chroma server here is 1\.0\.0 .* needs 1\.4\.0 or later\. .*\n$/,
  );
});
