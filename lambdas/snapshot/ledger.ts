/**
 * What a manifest records of the deltas that it decided, and the status of one, which is the same without the
 * rejections.
 */

/** One rejected operation. `line` counts from 1; 0 means the delta as a whole. */
export interface Rejection {
  line: number;
  /** Record id, if the line had a readable one. */
  id?: string;
  /** Stable name, e.g. `WrongDimension`. */
  error: string;
  reason: string;
}

/** `applied`: all valid operations were applied. `rejected`: none was applied. */
export type DeltaOutcome = 'applied' | 'rejected';

/** The item that producers wait on. Once written it never changes. */
export interface DeltaStatus {
  outcome: DeltaOutcome;
  /** Version of the snapshot whose commit decided it. */
  version: number;
  /** Hex SHA-256 of the delta's content. */
  sha256: string;
  /** Number of operations in it that were rejected. */
  rejectedOperations: number;
}

export interface LedgerEntry extends DeltaStatus {
  deltaId: string;
  /** The first rejections of this delta, at most `MAX_REJECTIONS_PER_DELTA`; `rejectedOperations` counts all. */
  rejections?: Rejection[];
}

export const MAX_REJECTIONS_PER_DELTA = 100;

export function statusOf(entry: LedgerEntry): DeltaStatus {
  const { outcome, version, sha256, rejectedOperations } = entry;
  return { outcome, version, sha256, rejectedOperations };
}

export function sameStatus(a: DeltaStatus, b: DeltaStatus): boolean {
  return (
    a.outcome === b.outcome &&
    a.version === b.version &&
    a.sha256 === b.sha256 &&
    a.rejectedOperations === b.rejectedOperations
  );
}
