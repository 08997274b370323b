/** The update that loses counts when a compare-and-swap is not one. */

import { ConditionalRequestConflictError, PreconditionFailedError } from '../../lambdas/errors/errors.ts';
import type { ObjectStore } from '../../lambdas/ports.ts';
import { bytes, text } from './object-store-bodies.ts';

/** Add one `times` times by compare-and-swap, reading again after every lost race. */
export async function increment(store: ObjectStore, key: string, times: number): Promise<void> {
  for (let done = 0; done < times; ) {
    const { body, etag } = await store.get(key);
    try {
      await store.putIfMatch(key, bytes(String(Number(text(body)) + 1)), etag);
      done += 1;
    } catch (error) {
      if (!isLost(error)) throw error;
    }
  }
}

export function isLost(error: unknown): boolean {
  return error instanceof PreconditionFailedError || error instanceof ConditionalRequestConflictError;
}
