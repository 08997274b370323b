/** Where a delta came from, as far as its id shows. */
import { numberIn } from './log-number.ts';

/**
 * `endpoint`: its id is a number of the log, which nothing else writes. `library`: its id is a ULID, which the library
 * and `compactor submit` generate if no id is given. `producer`: an id that the producer chose, however it was sent.
 */
export type DeltaSource = 'endpoint' | 'library' | 'producer';

export const DELTA_SOURCES: readonly DeltaSource[] = ['endpoint', 'library', 'producer'];

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

export function sourceOf(deltaId: string): DeltaSource {
  if (numberIn(deltaId) !== undefined) return 'endpoint';
  return ULID.test(deltaId) ? 'library' : 'producer';
}
