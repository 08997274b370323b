/** The end of a collection's log, as one writer knows it. */
import type { Ports } from '../ports.ts';
import { deltaKey, logPrefix, parseDeltaKey } from '../snapshot/keys.ts';
import { numberedId, numberIn } from '../snapshot/log-number.ts';

/**
 * The last number that can be reached from `from` without a gap. Everything listed exists, but an object that is not
 * listed may exist as well.
 * @throws StoreUnavailableError
 */
export async function findEnd({ store }: Pick<Ports, 'store'>, collection: string, from: number): Promise<number> {
  const after = from === 0 ? {} : { startAfter: deltaKey(collection, numberedId(from)) };
  let last = from;
  for await (const page of store.list(logPrefix(collection), after)) {
    for (const { key } of page) {
      const number = numberIn(parseDeltaKey(key)?.deltaId ?? '') ?? 0;
      if (number > last + 1) return last;
      last = Math.max(last, number);
    }
  }
  return last;
}
