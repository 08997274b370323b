/**
 * Deltas that are set aside: a merge with nothing but them fails again and again for a reason that is not what they say.
 * They are rejected like any other, so that those behind them go on, and their content is kept (ADR 38).
 */

import { rejectedWhole } from './delta.ts';
import { asideKey } from './keys.ts';
import type { LedgerEntry } from './ledger.ts';
import { REJECTION } from './operation.ts';

export interface FailedAlone {
  collection: string;
  deltaId: string;
  /** Hex, of its content. */
  sha256: string;
  failures: number;
  /** What the last merge failed of. */
  reason: string;
}

/** What a merge takes in the place of the delta. */
export function setAside({ collection, deltaId, sha256, failures, reason }: FailedAlone) {
  const why =
    `${failures} merges of this delta alone failed, while the engine works without it. The last one: ${reason.replace(/\.?$/, '.')} ` +
    `Its content is kept at ${asideKey(collection, deltaId, sha256)}.`;
  return { deltaId, sha256, ...rejectedWhole(REJECTION.setAside, why) };
}

export function isSetAside({ rejections = [] }: Pick<LedgerEntry, 'rejections'>): boolean {
  return rejections.some(({ line, error }) => line === 0 && error === REJECTION.setAside);
}
