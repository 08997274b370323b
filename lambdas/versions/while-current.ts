/** Was it damage, or did the pointer move meanwhile? */

import { CorruptObjectError, PointerMovedError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import { readPointer } from './read-pointer.ts';

/**
 * Run `task`, which reads what the pointer with this ETag promises. Garbage collection may take a version once the pointer
 * no longer promises it: what then looks like damage is not, and the pointer has moved.
 * @throws PointerMovedError (instead of a CorruptObjectError, the pointer being another one by now), what `task` throws, and
 * what reading the pointer throws
 */
export async function whileCurrent<Result>(
  ports: Pick<Ports, 'store'>,
  collection: string,
  etag: string,
  task: () => Promise<Result>,
): Promise<Result> {
  try {
    return await task();
  } catch (cause) {
    if (!(cause instanceof CorruptObjectError)) throw cause;
    const { pointer, etag: now } = await readPointer(ports, collection);
    if (now === etag) throw cause;
    throw new PointerMovedError(
      `The pointer of "${collection}" has moved, to version ${pointer.version}, while an earlier one was read. Plan again.`,
      { cause },
    );
  }
}
