import { CorruptObjectError } from '../errors/errors.ts';
import type { Ports, StoredObject } from '../ports.ts';

/**
 * Read a whole object up to a limit: anyone who can write to the store must not be able to fill the memory of its
 * readers.
 */
export async function readBounded(ports: Pick<Ports, 'store'>, key: string, limit: number): Promise<StoredObject> {
  const found = await ports.store.get(key, { range: { start: 0, end: limit } });
  if (found.size <= limit) return found;
  throw new CorruptObjectError(
    `"${key}" has ${found.size} bytes, more than the ${limit} that it can have. Restore it from a bucket version.`,
  );
}
