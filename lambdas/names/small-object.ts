/**
 * Small JSON objects that change by compare-and-swap. Every body has a `revision` of its own, so that no two writes have
 * equal bytes: no ETag comes back, and a writer whose answer was lost knows its own write when it reads it.
 */
import { retry } from '../concurrency/retry.ts';
import {
  ConditionalRequestConflictError,
  CorruptObjectError,
  ObjectNotFoundError,
  PreconditionFailedError,
  StoreUnavailableError,
} from '../errors/errors.ts';
import type { Ports } from '../ports.ts';

export type SmallPorts = Pick<Ports, 'store' | 'clock' | 'ids'>;

export interface Held<Value> {
  value: Value;
  etag: string;
}

interface Kind<Value> {
  /** @throws when it is none */
  parse(json: unknown): Value;
}

const ATTEMPTS = 6;
/** A larger one was not written by us. */
const MAX_BYTES = 1024 * 1024;

/** `undefined`: there is none. @throws CorruptObjectError, StoreUnavailableError */
export async function readSmall<Value>(
  { store }: Pick<Ports, 'store'>,
  key: string,
  kind: Kind<Value>,
): Promise<Held<Value> | undefined> {
  const found = await readBytes(store, key);
  if (found === undefined) return undefined;
  try {
    return { value: kind.parse(JSON.parse(Buffer.from(found.bytes).toString('utf8'))), etag: found.etag };
  } catch (cause) {
    throw new CorruptObjectError(`"${key}" is not what it must be. Restore it from an earlier bucket version.`, {
      cause,
    });
  }
}

/**
 * Create it, or put it in the place of the one that was read.
 * @param last ETag of that; `undefined`: there must be none.
 * @returns false: another write came first, and what was read is not there any more
 * @throws StoreUnavailableError (whether it was written is unknown)
 */
export async function writeSmall(
  ports: SmallPorts,
  key: string,
  value: object,
  last: string | undefined,
): Promise<boolean> {
  const bytes = Buffer.from(JSON.stringify(value));
  const write = async (attempt: number) => {
    try {
      await (last === undefined ? ports.store.putIfAbsent(key, bytes) : ports.store.putIfMatch(key, bytes, last));
      return true;
    } catch (error) {
      if (!(error instanceof PreconditionFailedError || error instanceof ObjectNotFoundError)) throw error;
      // Only after an attempt whose answer was lost can it be ours.
      return attempt > 1 && (await isOurs(ports.store, key, bytes));
    }
  };
  return retry(ports, ATTEMPTS, write, isTransient);
}

/**
 * Delete what was read. @returns false: it is another one by now; true also when it is gone
 * @throws StoreUnavailableError (whether it was deleted is unknown)
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
  return found !== undefined && Buffer.compare(found.bytes, bytes) === 0;
}

async function readBytes(store: Ports['store'], key: string): Promise<{ bytes: Uint8Array; etag: string } | undefined> {
  try {
    const { body, etag, size } = await store.get(key, { range: { start: 0, end: MAX_BYTES } });
    if (size <= MAX_BYTES) return { bytes: body, etag };
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
  throw new CorruptObjectError(`"${key}" has more than the ${MAX_BYTES} bytes that it can have. Restore it.`);
}
