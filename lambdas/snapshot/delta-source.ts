/** Where a delta came from, as far as its id tells. */
import { numberIn } from './log-number.ts';

/**
 * `endpoint`: its id is a number of the log, which nothing else writes. `library`: a ULID, as the library and `compactor
 * submit` make them for whoever gives no id. `producer`: an id of its producer's choosing, sent by whatever means.
 */
export type DeltaSource = 'endpoint' | 'library' | 'producer';

export const DELTA_SOURCES: readonly DeltaSource[] = ['endpoint', 'library', 'producer'];

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

export function sourceOf(deltaId: string): DeltaSource {
  if (numberIn(deltaId) !== undefined) return 'endpoint';
  return ULID.test(deltaId) ? 'library' : 'producer';
}
