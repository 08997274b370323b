/**
 * The event that announces a commit: the `detail` of an EventBridge event. docs/events.md describes it for consumers.
 * An announcement is made from a manifest that the pointer names, so it is never ahead of its commit.
 */
import { z } from 'zod';
import type { LedgerEntry } from '../snapshot/ledger.ts';

export const EVENT_SOURCE = 'chroma-compactor';
export const COMPACTION_COMMITTED = 'Compaction Committed';
/** Raised only for a change that breaks tolerant readers; new members do not raise it. */
export const EVENT_FORMAT = 1;
/** Deltas named in one event. 500 of them are about 110 KB, well below EventBridge's 256 KB. */
export const MAX_DELTAS_PER_EVENT = 500;

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** Schema of the detail of a `Compaction Committed` event. Unknown members are kept, not refused. */
export const compactionCommitted = z.looseObject({
  format: z.literal(EVENT_FORMAT),
  collection: z.string(),
  /** Version whose commit decided the deltas below. */
  version: count,
  /** Id of that commit; `null` if it lies more than 64 versions back. */
  commitId: z.string().nullable(),
  /** The version that was current when the event was made: `version` or a later one. */
  current: z.object({ version: count, commitId: z.string(), records: count }),
  /** Deltas that the commit decided; empty if it applies none, e.g. for an import. */
  deltas: z.array(
    z.object({
      deltaId: z.string(),
      outcome: z.enum(['applied', 'rejected']),
      /** Digest of the decided content, hex: compare it with that of your own. */
      sha256: z.string(),
      rejectedOperations: count,
    }),
  ),
  /** A commit of many deltas takes several events: this one's place, from 1, and how many there are. */
  part: count.min(1),
  parts: count.min(1),
});

export type CompactionCommitted = z.infer<typeof compactionCommitted>;

/** The part of a manifest that goes into an announcement. */
export interface AnnouncedVersion {
  collection: string;
  version: number;
  commitId: string;
  records: number;
  ancestry: ReadonlyArray<{ version: number; commitId: string }>;
}

/**
 * One announcement per commit, oldest first, in as many parts as its deltas need. `entries` are taken from the
 * manifest's ledger.
 */
export function announcementsOf(current: AnnouncedVersion, entries: readonly LedgerEntry[]): CompactionCommitted[] {
  const byVersion = [...Map.groupBy(entries, (entry) => entry.version)].sort(([a], [b]) => a - b);
  return byVersion.flatMap(([version, decided]) => announcement(current, version, decided));
}

/** Announcement of a commit that decided no delta. */
export function bareAnnouncement(current: AnnouncedVersion): CompactionCommitted[] {
  return announcement(current, current.version, []);
}

function announcement(
  { collection, version: currentVersion, commitId, records, ancestry }: AnnouncedVersion,
  version: number,
  decided: readonly LedgerEntry[],
): CompactionCommitted[] {
  const ancestor = ancestry.find((ref) => ref.version === version);
  const parts = Math.max(1, Math.ceil(decided.length / MAX_DELTAS_PER_EVENT));
  return Array.from({ length: parts }, (_, index) => ({
    format: EVENT_FORMAT,
    collection,
    version,
    commitId: version === currentVersion ? commitId : (ancestor?.commitId ?? null),
    current: { version: currentVersion, commitId, records },
    deltas: decided
      .slice(index * MAX_DELTAS_PER_EVENT, (index + 1) * MAX_DELTAS_PER_EVENT)
      .map(({ deltaId, outcome, sha256, rejectedOperations }) => ({ deltaId, outcome, sha256, rejectedOperations })),
    part: index + 1,
    parts,
  }));
}
