import { createHash } from 'node:crypto';
import { StoreUnavailableError } from '../errors/errors.ts';
import type { ObjectInfo, Ports } from '../ports.ts';
import { release } from '../snapshot/release.ts';

const RANGE = 8 * 1024 * 1024;
/** Reading more than this takes longer than a step may run. None of our producers sends this much. */
const MAX_HASHED_BYTES = 8 * 1024 ** 3;

/**
 * Hex SHA-256 of a stored object, read in ranges of one generation.
 * @throws PreconditionFailedError (it changed), StoreUnavailableError (also if it is too large)
 */
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
