/**
 * Values all the way: from a delta's bytes through a commit, and from somebody else's directory through an import, to the
 * reader, the query handler, the command line and a checkout; judged by a Chroma server that is asked over HTTP.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { locateEngine } from '../../lambdas/adapters/chroma/locator.ts';
import { ChromaServer } from '../../lambdas/adapters/chroma/server.ts';
import { DeltaBuilder, Float, float } from '../../lambdas/index.ts';
import { submitDelta } from '../../lambdas/producer/produce-delta.ts';
import { putDelta as submitBody } from '../../lambdas/producer/put-delta.ts';
import { makeJsonQuery } from '../../lambdas/reader/query-snapshot.ts';
import { SnapshotReader } from '../../lambdas/reader/snapshot-reader.ts';
import { applicationPorts } from '../../lambdas/runtime/connect.ts';
import { rejectionKey } from '../../lambdas/snapshot/keys.ts';
import { collectionsUrl, START_MS } from '../support/chroma-api.ts';
import { runCommand } from './command-line.ts';
import { compact, create, type TestStack, withStack } from './support.ts';

const LITERALS = ['5.0', '4.5', '5', '1e3', '9007199254740993', '-9223372036854775808', '9223372036854775807'];
const VALUES = [new Float(5), 4.5, 5, new Float(1000), 2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n];
/** As Chroma and `stringifyExact` write them. */
const WRITTEN = ['5.0', '4.5', '5', '1000.0', '9007199254740993', '-9223372036854775808', '9223372036854775807'];
const FILTERS = ['$eq', '$ne', '$gt', '$gte', '$lt', '$lte'].flatMap((operator) =>
  ['5.0', '5', '5.5', '4.7', '9007199254740993', '9007199254740992', '9223372036854775807'].map(
    (literal) => `{"v":{"${operator}":${literal}}}`,
  ),
);

const ids = LITERALS.map((_, n) => `r-${n}`);

async function withServer<T>(path: string, task: (ask: (path: string, body: string) => Promise<string>) => Promise<T>) {
  const server = await ChromaServer.start(await locateEngine(), path, { startMs: START_MS, graceMs: 200 });
  const url = collectionsUrl(server);
  try {
    return await task(async (verb, body) => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${url}${verb}`, { method: 'POST', headers, body });
      const text = await response.text();
      expect(response.ok, text).toBe(true);
      return text;
    });
  } finally {
    await server.stop();
  }
}

const body = (name: string) => `{"name":"${name}","get_or_create":true,"configuration":{"hnsw":{"space":"l2"}}}`;

/** A directory that a plain server made, from raw JSON. */
async function makeNative(stack: TestStack): Promise<string> {
  const path = join(stack.dataDirectory, 'native');
  await mkdir(path);
  await withServer(path, async (ask) => {
    const { id } = JSON.parse(await ask('', body('old'))) as { id: string };
    const metadatas = LITERALS.map((v) => `{"v":${v}}`).join(',');
    const embeddings = JSON.stringify(LITERALS.map((_, n) => [n, 0, 0, 0]));
    await ask(`/${id}/upsert`, `{"ids":${JSON.stringify(ids)},"embeddings":${embeddings},"metadatas":[${metadatas}]}`);
  });
  return path;
}

/** What a plain server says of a directory: all metadata, and which records pass each filter. */
async function answersFrom(path: string, name: string): Promise<string[]> {
  return withServer(path, async (ask) => {
    const { id } = JSON.parse(await ask('', body(name))) as { id: string };
    const answers: string[] = [];
    for (const one of ids) answers.push(await ask(`/${id}/get`, `{"ids":["${one}"],"include":["metadatas"]}`));
    for (const where of FILTERS) {
      const found = JSON.parse(await ask(`/${id}/get`, `{"where":${where},"include":[]}`)) as { ids: string[] };
      answers.push(`${where}: ${found.ids.sort().join(' ')}`);
    }
    return answers;
  });
}

/** Every way to read a version gives the same. */
async function expectRead(stack: TestStack, name: string, native: string): Promise<void> {
  const { storeUrl } = stack.file;
  const ports = applicationPorts({ storeUrl, workDirectory: join(stack.dataDirectory, `read-${name}`) });
  const reader = await SnapshotReader.open(ports, name);
  const records = await reader.use((snapshot) => snapshot.get(ids));
  await reader.close();
  const answer = JSON.stringify(await makeJsonQuery()(ports, { collection: name, embedding: [0, 0, 0, 0] }));
  const printed = await runCommand(stack.dataDirectory, ['query', name, '--embedding', '[0,0,0,0]', '--limit', '9']);
  const found = await runCommand(stack.dataDirectory, ['get', name]);
  const checkout = join(stack.dataDirectory, `out-${name}`);
  expect((await runCommand(stack.dataDirectory, ['checkout', name, checkout])).code).toBe(0);

  expect(records.map(({ metadata }) => metadata?.v)).toEqual(VALUES);
  for (const literal of WRITTEN) {
    expect(answer).toContain(`{"v":${literal}}`);
    for (const { stdout } of [printed, found]) {
      expect(stdout).toMatch(new RegExp(`"v": ${literal.replace('.', '\\.')}\\n`));
    }
  }
  expect(await answersFrom(checkout, name)).toEqual(await answersFrom(native, 'old'));
}

test('what a delta says is what every reader gives, and what a producer may give back', async () => {
  await withStack(async (stack) => {
    await create(stack, 'sent');
    await create(stack, 'built');
    const lines = LITERALS.map(
      (v, n) => `{"op":"upsert","id":"r-${n}","embedding":[${n},0,0,0],"metadata":{"v":${v}}}`,
    );
    await submitBody(stack.ports, { collection: 'sent', deltaId: 'one', body: Buffer.from(lines.join('\n')) });
    const delta = new DeltaBuilder();
    const given = [float(5), float(4.5), 5, float(1000), 2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n];
    for (const [n, v] of given.entries()) delta.upsert({ id: `r-${n}`, embedding: [n, 0, 0, 0], metadata: { v } });
    await submitDelta(stack.ports, { collection: 'built', operations: delta });

    await compact(stack, 'sent');
    await compact(stack, 'built');

    const native = await makeNative(stack);
    await expectRead(stack, 'sent', native);
    await expectRead(stack, 'built', native);
  });
});

test('what an imported directory holds is read exactly, and stays so when a delta is merged on it', async () => {
  await withStack(async (stack) => {
    const native = await makeNative(stack);
    expect((await runCommand(stack.dataDirectory, ['import', native, '--as', 'adopted'])).code).toBe(0);

    const delta = new DeltaBuilder().update({ id: 'r-4', document: 'touched' });
    await submitDelta(stack.ports, { collection: 'adopted', operations: delta });
    await compact(stack, 'adopted');

    await expectRead(stack, 'adopted', native);
  });
});

test('a number that JavaScript has rounded already is not sent', async () => {
  await withStack(async (stack) => {
    await create(stack, 'sent');
    const upsert = (v: number | Float) =>
      new DeltaBuilder().upsert({ id: 'a', embedding: [1, 2, 3, 4], metadata: { v } });

    for (const v of [2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, new Float(Number.NaN), 1e300]) {
      const sent = submitDelta(stack.ports, { collection: 'sent', operations: upsert(v) });
      await expect(sent, String(v)).rejects.toThrow(
        /^Operation 1, of record "a": "v" in its metadata is .* Nothing was sent/,
      );
    }
  });
});

test('a line that Chroma refuses costs that line alone: the other twenty are applied', async () => {
  await withStack(async (stack) => {
    await create(stack, 'pets');
    const line = (n: number, v: string) =>
      `{"op":"upsert","id":"r-${n}","embedding":[${n},0,0,0],"metadata":{"v":${v}}}\n`;
    const lines = Array.from({ length: 21 }, (_, n) => line(n, n === 13 ? '["a","b"]' : '1'));
    await submitBody(stack.ports, { collection: 'pets', deltaId: 'one', body: Buffer.from(lines.join('')) });
    const { version } = await stack.ports.engine.identify();

    const [execution] = await compact(stack, 'pets');

    const { committed } = JSON.parse(execution?.output ?? '{}');
    // Chroma has stored lists since it has a table for them, with migration 6 of its metadata.
    const takesLists = committed.records === 21;
    if (takesLists) return;
    expect(committed).toMatchObject({ deltas: 1, records: 20, rejectedOperations: 1 });
    const report = JSON.parse(Buffer.from((await stack.ports.store.get(rejectionKey('pets', 'one'))).body).toString());
    expect(report.rejections).toEqual([
      {
        ...{ line: 14, id: 'r-13', error: 'RejectedByEngine' },
        reason: `Chroma ${version} refuses this line: this version stores no lists in metadata.`,
      },
    ]);
  });
});
