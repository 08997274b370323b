/**
 * Small JSON objects that change by compare-and-swap. Every body has a `revision` of its own, so that no two writes
 * have equal bytes. Hence no ETag ever recurs, and a writer whose response was lost recognises its own write when it
 * reads it.
 */
import { mapLimit } from '../concurrency/map-limit.ts';
import { retry } from '../concurrency/retry.ts';
import {
  ConditionalRequestConflictError,
  CorruptObjectError,
  InvalidInputError,
  ObjectNotFoundError,
  PreconditionFailedError,
  StoreUnavailableError,
} from '../errors/errors.ts';
import { readBounded } from '../objects/read-bounded.ts';
import type { Ports } from '../ports.ts';
import { parseJson } from '../snapshot/escaped-names.ts';

export type SmallPorts = Pick<Ports, 'store' | 'clock' | 'ids'>;

export interface Held<Value> {
  value: Value;
  etag: string;
}

interface Kind<Value> {
  /** @throws if it is not an object of this kind */
  parse(json: unknown): Value;
}

const ATTEMPTS = 6;
/** A larger object is not written; one that is found was not written by us. */
const MAX_BYTES = 1024 * 1024;
/** How many small objects of a listing are read at once. */
export const READS_AT_ONCE = 16;

/** `undefined`: there is none. @throws CorruptObjectError, StoreUnavailableError */
export async function readSmall<Value>(
  { store }: Pick<Ports, 'store'>,
  key: string,
  kind: Kind<Value>,
): Promise<Held<Value> | undefined> {
  const found = await readBytes(store, key);
  if (found === undefined) return undefined;
  try {
    return { value: kind.parse(parseJson(Buffer.from(found.body).toString('utf8'))), etag: found.etag };
  } catch (cause) {
    throw new CorruptObjectError(`"${key}" is not what it must be. Restore it from an earlier bucket version.`, {
      cause,
    });
  }
}

/**
 * Reads the objects below a prefix, in the order of their keys, and returns what each leads to, a few at a time. Those
 * that lead to `undefined` are left out.
 */
export async function readBelow<Value, Result>(
  { store }: Pick<Ports, 'store'>,
  prefix: string,
  kind: Kind<Value>,
  follow: (value: Value) => Promise<Result | undefined>,
): Promise<Result[]> {
  const keys: string[] = [];
  for await (const page of store.list(prefix)) for (const { key } of page) keys.push(key);
  return gather(keys, async (key) => {
    const held = await readSmall({ store }, key, kind);
    return held && follow(held.value);
  });
}

/** Runs a task on each item, a few at a time, and leaves out results that are `undefined`. */
export async function gather<Item, Result>(
  items: readonly Item[],
  find: (item: Item) => Promise<Result | undefined>,
): Promise<Result[]> {
  const found = await mapLimit(items, READS_AT_ONCE, find);
  return found.filter((one) => one !== undefined);
}

/**
 * Create an object, or replace the one that was read.
 * @param last ETag of the object that was read; `undefined`: there must be none.
 * @returns false: another write came first, so the object is no longer as it was read
 * @throws InvalidInputError (it is too large to be read again), StoreUnavailableError (it is unknown whether it was
 * written)
 */
export async function writeSmall(
  ports: SmallPorts,
  key: string,
  value: object,
  last: string | undefined,
): Promise<boolean> {
  const bytes = Buffer.from(JSON.stringify(value));
  if (bytes.length > MAX_BYTES) {
    throw new InvalidInputError(`"${key}" would have ${bytes.length} bytes; it can have ${MAX_BYTES}. Say less in it.`);
  }
  const write = async (attempt: number) => {
    try {
      await (last === undefined ? ports.store.putIfAbsent(key, bytes) : ports.store.putIfMatch(key, bytes, last));
      return true;
    } catch (error) {
      if (!(error instanceof PreconditionFailedError || error instanceof ObjectNotFoundError)) throw error;
      // It can be ours only if an earlier attempt lost its response.
      return attempt > 1 && (await isOurs(ports.store, key, bytes));
    }
  };
  return retry(ports, ATTEMPTS, write, isTransient);
}

/**
 * Delete an object as it was read. @returns false: it has changed since; true also if it is gone
 * @throws StoreUnavailableError (it is unknown whether it was deleted)
 */
export async function deleteSmall(ports: SmallPorts, key: string, etag: string): Promise<boolean> {
  const remove = async () => {
    try {
      await ports.store.deleteIfMatch(key, etag);
      return true;
    } catch (error) {
      if (error instanceof PreconditionFailedError) return false;
      throw error;
    }
  };
  return retry(ports, ATTEMPTS, remove, isTransient);
}

function isTransient(error: unknown): boolean {
  return error instanceof StoreUnavailableError || error instanceof ConditionalRequestConflictError;
}

async function isOurs(store: Ports['store'], key: string, bytes: Uint8Array): Promise<boolean> {
  const found = await readBytes(store, key);
  return found !== undefined && Buffer.compare(found.body, bytes) === 0;
}

async function readBytes(store: Ports['store'], key: string) {
  try {
    return await readBounded({ store }, key, MAX_BYTES);
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}
