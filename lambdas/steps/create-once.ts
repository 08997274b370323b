/** Create-only writes that meet their own retry. */
import { createHash } from 'node:crypto';
import type { Body, ObjectInfo, Ports } from '../ports.ts';
import {
  ConditionalRequestConflictError,
  KeyCollisionError,
  ObjectNotFoundError,
  PreconditionFailedError,
  StoreUnavailableError,
} from '../protocol/errors.ts';
import { release } from '../snapshot/release.ts';
import { jitteredWaitMs } from './waits.ts';

const ATTEMPTS = 4;
const RANGE = 8 * 1024 * 1024;
/** Beyond it, reading takes longer than a step may. No producer of ours sends so much. */
const MAX_HASHED_BYTES = 8 * 1024 ** 3;

/**
 * Write an immutable object. When the key exists already, size and SHA-256 tell whether it is our own earlier attempt.
 * @param digest Hex SHA-256 of the body.
 * @returns whether this call or an earlier one of ours created the object
 * @throws KeyCollisionError (other content under the key), StoreUnavailableError
 */
export async function createOnce(
  ports: Pick<Ports, 'store' | 'clock' | 'ids'>,
  key: string,
  body: Body,
  digest: string,
): Promise<'created' | 'existed'> {
  const size = body instanceof Uint8Array ? body.length : body.size;
  for (let attempt = 1; ; attempt++) {
    try {
      await ports.store.putIfAbsent(key, body, { sha256: digest });
      return 'created';
    } catch (error) {
      if (error instanceof PreconditionFailedError) {
        const existing = await findExisting(ports, key);
        if (existing !== undefined) {
          await compare(ports, existing, size, digest);
          return 'existed';
        }
      }
      const isTransient =
        error instanceof StoreUnavailableError ||
        error instanceof ConditionalRequestConflictError ||
        error instanceof PreconditionFailedError;
      if (!isTransient || attempt >= ATTEMPTS) throw error;
      await ports.clock.sleep(jitteredWaitMs(attempt, ports.ids.random()));
    }
  }
}

async function findExisting(ports: Pick<Ports, 'store'>, key: string): Promise<ObjectInfo | undefined> {
  try {
    return await ports.store.head(key);
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}

async function compare(ports: Pick<Ports, 'store'>, found: ObjectInfo, size: number, digest: string): Promise<void> {
  const actual = found.size === size ? (found.sha256 ?? (await hashObject(ports, found))) : 'another size';
  if (actual === digest) return;
  throw new KeyCollisionError(
    `"${found.key}" already holds other content (${found.size} bytes, SHA-256 ${actual}) than ours (${size} bytes, ` +
      `${digest}). Keys are never reused: find out what else writes to ${ports.store.url}.`,
  );
}

/** Hex SHA-256 of a stored object, read in ranges of one generation. @throws PreconditionFailedError (it changed), StoreUnavailableError (or it is too large) */
export async function hashObject(ports: Pick<Ports, 'store'>, info: ObjectInfo): Promise<string> {
  if (info.size > MAX_HASHED_BYTES) {
    throw new StoreUnavailableError(`"${info.key}" has ${info.size} bytes: too many to read. Delete it by hand.`);
  }
  const hash = createHash('sha256');
  for (let start = 0; start < info.size; start += RANGE) {
    const range = { start, end: Math.min(info.size, start + RANGE) };
    const { body } = await ports.store.get(info.key, { range, ifMatch: info.etag });
    hash.update(body);
    release(body);
  }
  return hash.digest('hex');
}
