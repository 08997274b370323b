/** What retention promises, by the oracle's own count: the newest versions, and those that were current until lately. */
import { decodeTime } from 'ulid';
import type { Pointer } from '../../lambdas/protocol/pointer.ts';
import type { CollectionTruth } from './truth.ts';

export interface Promised {
  retainVersions: number;
  /** Since a version was replaced. */
  retainMs: number;
}

/** Clocks of collectors are wrong by so much at most. */
export const SKEW_MS = 300_000;

/** The oldest version that is promised at `now`, of those that were retained before. */
export function oldestPromised(
  { versions, pointer }: CollectionTruth,
  before: number,
  { retainVersions, retainMs }: Promised,
  now: number,
): number {
  for (let version = before; version < pointer.version; version++) {
    const next = versions.get(version + 1)?.manifest.commitId;
    const isYoung = next !== undefined && now - decodeTime(next) <= retainMs;
    if (isYoung || version > pointer.version - retainVersions) return version;
  }
  return pointer.version;
}

/** A fence that lets go of what even the fastest clock would have kept. */
export function retentionFaults(truth: CollectionTruth, next: Pointer, promised: Promised, now: number): string[] {
  const oldest = oldestPromised(truth, truth.pointer.retainedFrom, promised, now + SKEW_MS);
  if (next.retainedFrom <= oldest) return [];
  return [`versions from ${oldest} on are promised, and those below ${next.retainedFrom} are let go of`];
}
