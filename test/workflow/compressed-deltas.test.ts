/** Compressed deltas take a commit no more memory than others do, and mean one content for one id all the same. */
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { KeyCollisionError } from '../../lambdas/errors/errors.ts';
import { readDeltas } from '../../lambdas/inbox/read-deltas.ts';
import { submitDelta } from '../../lambdas/producer/produce-delta.ts';
import { sha256 } from '../../lambdas/snapshot/blocks.ts';
import { encodeLines, MAX_DELTA_BYTES, parseDelta } from '../../lambdas/snapshot/delta.ts';
import { deltaKey } from '../../lambdas/snapshot/keys.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import { COLLECTION, createCollection, DIMENSION, memoryPorts, records } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { history, INPUT, idOf, stateOf, submitNumber } from './support.ts';

const OPERATIONS: Operation[] = Array.from({ length: 50 }, (_, n) => ({
  op: 'upsert',
  id: `r-${n}`,
  embedding: Array<number>(DIMENSION).fill(n),
}));
const TEXT = encodeLines(OPERATIONS);

/** A bomb of a delta, and no more than is allowed: 24 MiB of text in some 2 KiB. */
function swollen(n: number): Uint8Array {
  const line = `{"op":"delete","id":"nobody-${n}"}\n`;
  return gzipSync(Buffer.concat([Buffer.from(line), Buffer.alloc((3 * MAX_DELTA_BYTES) / 8, 0x20)]));
}

it('what a commit takes is bounded by the text of its deltas, not by what they are stored in', async () => {
  // Prepare
  const ports = memoryPorts();
  await createCollection(ports);
  for (const n of [1, 2, 3]) await ports.store.putIfAbsent(deltaKey(COLLECTION, idOf(n)), swollen(n));
  await submitNumber(ports, 4);

  // Act
  const ended = await run(ports, INPUT);

  // Assess: three of them would be 72 MiB.
  expect(stateOf(ended).totals).toMatchObject({ commits: 2, deltas: 4 });
  expect((await history(ports)).map(({ deltaId, outcome }) => [deltaId, outcome])).toEqual(
    [1, 2, 3, 4].map((n) => [idOf(n), 'applied']),
  );
});

it('a bomb among deltas is refused by its name, and the others are applied', async () => {
  const ports = memoryPorts();
  await createCollection(ports);
  const bomb = zstdCompressSync(Buffer.alloc(MAX_DELTA_BYTES + 1, 0x20));
  await ports.store.putIfAbsent(deltaKey(COLLECTION, idOf(1)), bomb);
  await submitNumber(ports, 2);

  const { path } = await run(ports, INPUT);

  expect(path.at(-1)).toBe('Compacted');
  expect(await history(ports)).toEqual([
    { deltaId: idOf(1), outcome: 'rejected' },
    { deltaId: idOf(2), outcome: 'applied' },
  ]);
  const report = JSON.parse(
    Buffer.from((await ports.store.get(`rejected/${COLLECTION}/${idOf(1)}.json`)).body).toString(),
  );
  expect(report).toMatchObject({ sha256: sha256(bomb), rejections: [{ line: 0, error: 'DeltaTooLarge' }] });
});

it('what the engine may write follows the text, and the digest the stored bytes', async () => {
  const ports = memoryPorts();
  await createCollection(ports);
  const { sha256: digest } = await submitDelta(ports, {
    collection: COLLECTION,
    operations: OPERATIONS,
    deltaId: 'one',
  });
  const { body, size, etag } = await ports.store.get(deltaKey(COLLECTION, 'one'));
  const entry = { deltaId: 'one', key: deltaKey(COLLECTION, 'one'), size, etag, lastModified: 0 };

  const [delta] = await readDeltas(ports, COLLECTION, [entry], DIMENSION, 0);

  expect(size).toBeLessThan(TEXT.length / 2);
  expect(delta).toMatchObject({ bytes: TEXT.length, sha256: digest });
  expect(digest).toBe(sha256(body));
});

it('a delta is sent again from another Node.js, whose zstd gives other bytes, and is still one delta', async () => {
  // Prepare
  const ports = memoryPorts();
  await createCollection(ports);
  const theirs = gzipSync(TEXT);
  await ports.store.putIfAbsent(deltaKey(COLLECTION, 'one'), theirs);
  const again = { collection: COLLECTION, deltaId: 'one' };

  // Act
  const sent = await submitDelta(ports, { ...again, operations: OPERATIONS });
  const other = submitDelta(ports, { ...again, operations: OPERATIONS.slice(1) });

  // Assess
  expect(sent.sha256).toBe(sha256(theirs));
  await expect(other).rejects.toBeInstanceOf(KeyCollisionError);
  await run(ports, INPUT);
  expect((await records(ports)).size).toBe(OPERATIONS.length);
  expect(parseDelta(theirs, DIMENSION).operations).toHaveLength(OPERATIONS.length);
});
