/** Create-only writes that recognise their own earlier attempt. */
import { retry } from '../concurrency/retry.ts';
import {
  ConditionalRequestConflictError,
  KeyCollisionError,
  ObjectNotFoundError,
  PreconditionFailedError,
  StoreUnavailableError,
} from '../errors/errors.ts';
import type { Body, ObjectInfo, Ports } from '../ports.ts';
import { hashObject } from './hash-object.ts';

const ATTEMPTS = 4;
const TRANSIENT = [StoreUnavailableError, ConditionalRequestConflictError, PreconditionFailedError] as const;

/**
 * Write an immutable object. If the key already exists, size and SHA-256 tell whether that is our own earlier attempt.
 * @param digest Hex SHA-256 of the body.
 * @param attempts 1 for callers that retry by themselves.
 * @returns whether this call or an earlier one of ours created the object
 * @throws KeyCollisionError (other content under the key), StoreUnavailableError
 */
export async function createOnce(
  ports: Pick<Ports, 'store' | 'clock' | 'ids'>,
  key: string,
  body: Body,
  digest: string,
  attempts = ATTEMPTS,
): Promise<'created' | 'existed'> {
  const size = body instanceof Uint8Array ? body.length : body.size;
  const attempt = async (): Promise<'created' | 'existed'> => {
    try {
      await ports.store.putIfAbsent(key, body, { sha256: digest });
      return 'created';
    } catch (error) {
      const existing = error instanceof PreconditionFailedError ? await findExisting(ports, key) : undefined;
      if (existing === undefined) throw error;
      await compare(ports, existing, size, digest);
      return 'existed';
    }
  };
  const isTransient = (error: unknown) => TRANSIENT.some((kind) => error instanceof kind);
  return retry(ports, attempts, attempt, isTransient);
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
