/**
 * Deltas that are set aside: merges of such a delta alone fail repeatedly, for a reason other than its content. It is
 * rejected, so that those behind it are merged, and its content is kept (ADR 38).
 */

import { rejectedWhole } from './delta.ts';
import { asideKey } from './keys.ts';
import type { LedgerEntry } from './ledger.ts';
import { REJECTION } from './operation.ts';

export interface FailedAlone {
  collection: string;
  deltaId: string;
  /** Digest of its content, hex. */
  sha256: string;
  failures: number;
  /** Why the last merge failed. */
  reason: string;
}

/** What a merge applies instead of the delta. */
export function setAside({ collection, deltaId, sha256, failures, reason }: FailedAlone) {
  const why =
    `${failures} merges of this delta alone failed, while the engine works without it. The last one: ${reason.replace(/\.?$/, '.')} ` +
    `Its content is kept at ${asideKey(collection, deltaId, sha256)}.`;
  return { deltaId, sha256, ...rejectedWhole(REJECTION.setAside, why) };
}

export function isSetAside({ rejections = [] }: Pick<LedgerEntry, 'rejections'>): boolean {
  return rejections.some(({ line, error }) => line === 0 && error === REJECTION.setAside);
}
