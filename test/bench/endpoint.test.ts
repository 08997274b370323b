/** How the comparison of an endpoint with a plain server is told. */
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
