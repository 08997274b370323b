/**
 * Does the store honour the conditions on which everything rests? Some S3-compatible stores accept `If-Match` and
 * `If-None-Match`, answer 200, and write regardless: updates would be lost there silently. So a store is probed before
 * a collection is created.
 */

import { retry } from '../concurrency/retry.ts';
import {
  ConditionalRequestConflictError,
  ObjectNotFoundError,
  PreconditionFailedError,
  StoreUnavailableError,
  UnsafeStoreError,
} from '../errors/errors.ts';
import type { ObjectStore, Ports } from '../ports.ts';
import { probeKey } from '../snapshot/keys.ts';

const ATTEMPTS = 4;
const RACERS = 8;
/** A well-formed ETag that no object has. */
const NO_ETAG = '"00000000000000000000000000000000"';

/**
 * Writes, replaces and deletes objects of its own under `probes/`.
 * @throws UnsafeStoreError (a condition is ignored, or not implemented), StoreUnavailableError
 */
export async function probeStore(ports: Pick<Ports, 'clock' | 'ids' | 'store'>): Promise<void> {
  const { store } = ports;
  const attempt = async () => {
    // After an unknown outcome the state of the object is unknown, too, so every attempt uses new objects.
    const id = ports.ids.ulid();
    return [...(await probeInTurn(store, id)), ...(await probeAtOnce(store, id))];
  };
  const isTransient = (error: unknown) =>
    error instanceof StoreUnavailableError || error instanceof ConditionalRequestConflictError;
  const faults = await retry(ports, ATTEMPTS, attempt, isTransient);
  if (faults.length === 0) return;
  throw new UnsafeStoreError(
    `${store.url} does not keep the conditions of writes: ${faults.join('; ')}. Updates would be lost there, so ` +
      'nothing was created. Use a store that does: see docs/format.md, "What a store must do".',
  );
}

/** Sends one request after another. @returns the conditions that are not honoured, in words */
async function probeInTurn(store: ObjectStore, id: string): Promise<string[]> {
  const key = probeKey(id);
  const absent = probeKey(`${id}-absent`);
  const faults: string[] = [];
  const expectRefused = async (request: string, act: () => Promise<unknown>) => {
    if (!(await isRefused(act))) faults.push(`${request} is done anyway`);
  };
  try {
    const first = await store.putIfAbsent(key, body('first'));
    await expectRefused('PUT with "If-None-Match: *" on an object that is there', () =>
      store.putIfAbsent(key, body('second')),
    );
    await expectRefused('PUT with "If-Match" of another ETag', () => store.putIfMatch(key, body('third'), NO_ETAG));
    await expectRefused('PUT with "If-Match" on an absent key', () => store.putIfMatch(absent, body('x'), first.etag));
    const { etag } = await store.head(key);
    if (await isRefused(() => store.putIfMatch(key, body('fourth'), etag))) {
      faults.push('PUT with "If-Match" of the ETag that is there is refused');
    }
    await expectRefused('PUT with "If-Match" of a former ETag', () => store.putIfMatch(key, body('fifth'), etag));
    await expectRefused('DELETE with "If-Match" of a former ETag', () => store.deleteIfMatch(key, etag));
    if ((await sizeOf(store, key)) === undefined) return faults;
    const last = await store.head(key);
    await isRefused(() => store.deleteIfMatch(key, last.etag));
    if ((await sizeOf(store, key)) !== undefined) faults.push('DELETE with "If-Match" of the ETag that is there fails');
    return faults;
  } finally {
    await tidy(store, [key, absent]);
  }
}

/** Sends racing requests: a store that checks the condition first and writes afterwards lets several of them win. */
async function probeAtOnce(store: ObjectStore, id: string): Promise<string[]> {
  const key = probeKey(`${id}-race`);
  const race = async (act: (n: number) => Promise<unknown>) => {
    const racers = Array.from({ length: RACERS }, (_, n) => isRefused(() => act(n), true));
    return (await settled(racers)).filter((isLost) => !isLost).length;
  };
  try {
    const created = await race((n) => store.putIfAbsent(key, body(`creates ${n}`)));
    if (created > 1) return [`${created} of ${RACERS} racing PUTs with "If-None-Match: *" are done`];
    // All of them conflicted with each other (409), so there is no object to continue with.
    if (created === 0) return [];
    const { etag } = await store.head(key);
    const swapped = await race((n) => store.putIfMatch(key, body(`swaps ${n}`), etag));
    return swapped > 1 ? [`${swapped} of ${RACERS} racing PUTs with "If-Match" are done`] : [];
  } finally {
    await tidy(store, [key]);
  }
}

/** @throws errors that are not a refusal: they prove nothing about the condition */
async function isRefused(act: () => Promise<unknown>, mayConflict = false): Promise<boolean> {
  try {
    await act();
    return false;
  } catch (error) {
    if (error instanceof PreconditionFailedError || error instanceof ObjectNotFoundError) return true;
    if (mayConflict && error instanceof ConditionalRequestConflictError) return true;
    throw error;
  }
}

/**
 * All requests have ended before a failure is thrown, so that none of them writes after the objects were cleaned up.
 */
async function settled<Result>(running: ReadonlyArray<Promise<Result>>): Promise<Result[]> {
  await Promise.allSettled(running);
  return Promise.all(running);
}

async function sizeOf(store: ObjectStore, key: string): Promise<number | undefined> {
  try {
    return (await store.head(key)).size;
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}

/** Leftovers do no harm: they are not part of any collection. */
async function tidy(store: ObjectStore, keys: readonly string[]): Promise<void> {
  for (const key of keys) await store.delete(key).catch(() => {});
}

/** Bodies differ, so that ETags derived from them differ as well. */
function body(text: string): Uint8Array {
  return Buffer.from(`A probe of conditional writes; delete it. ${text}\n`);
}
