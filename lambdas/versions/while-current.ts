/** Tells damage from a pointer that moved meanwhile. */

import { CorruptObjectError, PointerMovedError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import { readPointer } from './read-pointer.ts';

/**
 * Run `task`, which reads objects that the pointer with this ETag guarantees. Garbage collection may delete them once
 * the pointer has moved, so an error that looks like damage is not damage then.
 * @throws PointerMovedError (instead of CorruptObjectError, if the pointer has moved), and the errors of `task` and of
 * reading the pointer
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
