/**
 * Announces commits before their statuses are written: if the process dies in between, the ledger entries have no
 * status yet, and the next process announces them again. Callers pass a manifest that the pointer names, so no event is
 * ahead of its commit.
 *
 * A bus that refuses an event must not keep deltas from being settled, since the protocol and `wait` rely on statuses:
 * after a few attempts we give up, with a warning and a metric (docs/adr/0023).
 */

import { retry } from '../concurrency/retry.ts';
import type { Ports } from '../ports.ts';
import { announcementsOf, bareAnnouncement, type CompactionCommitted } from '../protocol/announcement.ts';
import { METRICS } from '../protocol/metrics.ts';
import type { LedgerEntry } from '../snapshot/ledger.ts';
import type { Manifest } from '../snapshot/manifest.ts';

const ATTEMPTS = 3;

type AnnouncePorts = Pick<Ports, 'announcer' | 'clock' | 'ids' | 'telemetry'>;

/** Announce the commits that decided these entries of the manifest's ledger. Never throws. */
export async function announceCommits(
  ports: AnnouncePorts,
  manifest: Manifest,
  entries: readonly LedgerEntry[],
): Promise<void> {
  await announce(ports, manifest.collection, announcementsOf(manifest, entries));
}

/** Announce a commit that decided no delta: an import, a rollback. Never throws. */
export async function announceVersion(ports: AnnouncePorts, manifest: Manifest): Promise<void> {
  await announce(ports, manifest.collection, bareAnnouncement(manifest));
}

async function announce(
  ports: AnnouncePorts,
  collection: string,
  announcements: readonly CompactionCommitted[],
): Promise<void> {
  if (announcements.length === 0) return;
  let left = announcements;
  const attempt = async () => {
    const refused = await ports.announcer.announce(left);
    left = refused.map((refusal) => refusal.announcement);
    if (refused[0] !== undefined) throw new Error(refused[0].reason);
  };
  try {
    await retry(ports, ATTEMPTS, attempt, () => true);
  } catch (error) {
    giveUp(ports, collection, left, error);
  }
}

function giveUp(
  { telemetry }: AnnouncePorts,
  collection: string,
  left: readonly CompactionCommitted[],
  error: unknown,
): void {
  const versions = [...new Set(left.map(({ version }) => version))];
  telemetry.warn('A commit could not be announced; its statuses are written anyway.', {
    collection,
    versions,
    reason: error instanceof Error ? error.message : String(error),
  });
  telemetry.metric(METRICS.announcementFailure, left.length, { collection });
}
