/** What a session sends: requests whose cost is bounded, counted where they leave this process. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, it } from 'vitest';
import { ChromaEngine } from '../../lambdas/adapters/chroma/engine.ts';
import { cleanUpAfterEach, makeDirectory, onCleanup, useNotes } from './support.ts';

const MIB = 1024 * 1024;
/** Text of metadata, of which Chroma makes no full-text index: the test is about requests. */
const LENGTH = 1.5 * MIB;

cleanUpAfterEach();

/** Sizes of the bodies that `fetch` or `node:http` send from now on. */
function watchRequests(): number[] {
  const sizes: number[] = [];
  const watch = (channel: string, sizeOf: (message: unknown) => unknown) => {
    const listener = (message: unknown) => void sizes.push(Number(sizeOf(message)) || 0);
    subscribe(channel, listener);
    onCleanup(async () => unsubscribe(channel, listener));
  };
  watch(
    'undici:request:create',
    (message) => (message as { request: { contentLength?: number } }).request.contentLength,
  );
  watch('http.client.request.start', (message) =>
    (message as { request: { getHeader(name: string): unknown } }).request.getHeader('content-length'),
  );
  return sizes;
}

it('records that are large together go in requests of 4 MiB, and one that is larger goes alone', async () => {
  // Prepare
  const session = await new ChromaEngine().open(await makeDirectory());
  onCleanup(() => session.close());
  await useNotes(session);
  const record = (id: string, length: number) => ({
    id,
    embedding: [1, 2, 3],
    metadata: { text: id.padEnd(length, id) },
  });
  const sizes = watchRequests();

  // Act
  await session.upsert(['a', 'b', 'c', 'd', 'e'].map((id) => record(id, LENGTH)).concat(record('f', 5 * MIB)));

  // Assess
  const inMiB = sizes.filter((size) => size > MIB).map((size) => Math.round((size / MIB) * 2) / 2);
  expect(inMiB).toEqual([3, 3, 1.5, 5]);
  expect(await session.count()).toBe(6);
});
