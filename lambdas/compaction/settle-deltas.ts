/**
 * Settles what a version has decided: for each delta, writes the report and the status, then deletes its object from
 * the inbox. Works from the current manifest alone, whichever execution wrote it. Every write is create-only or
 * conditional, so any number of executions may do it at once, and any of them may die halfway. Nothing is deleted until
 * every look has ended that is too quick to look twice (ADR 60).
 */

import { announceCommits } from '../commit/announce-commits.ts';
import { mapLimit } from '../concurrency/map-limit.ts';
import {
  ConditionalRequestConflictError,
  CorruptObjectError,
  KeyCollisionError,
  ObjectNotFoundError,
  PreconditionFailedError,
  StatusConflictError,
  StoreUnavailableError,
} from '../errors/errors.ts';
import { EVERYTHING, OLDEST, observeListed } from '../inbox/observe-inbox.ts';
import { createOnce } from '../objects/create-once.ts';
import { hashObject } from '../objects/hash-object.ts';
import { readBounded } from '../objects/read-bounded.ts';
import type { Ports } from '../ports.ts';
import { METRICS } from '../protocol/metrics.ts';
import type { InboxEntry } from '../protocol/plan.ts';
import { msUntilDeletion } from '../protocol/settle-time.ts';
import { isSetAside } from '../snapshot/aside.ts';
import { sha256 } from '../snapshot/blocks.ts';
import { rejectionKey } from '../snapshot/keys.ts';
import { type DeltaStatus, type LedgerEntry, sameStatus, statusOf } from '../snapshot/ledger.ts';
import { numberIn } from '../snapshot/log-number.ts';
import type { Manifest } from '../snapshot/manifest.ts';
import { REJECTION } from '../snapshot/operation.ts';
import { decodeReport, encodeReport, MAX_REPORT_BYTES, type Report } from '../snapshot/report.ts';
import { keepAside } from './keep-aside.ts';

/** Small requests in flight: a commit settles hundreds of deltas, each with its own read and delete. */
const PARALLEL = 32;
/** Large objects read at once, in ranges that take memory. */
const PARALLEL_LARGE = 4;
const SMALL = 1024 * 1024;
/** Another execution deleted the object first, or a producer wrote it again. */
const RACES = [ObjectNotFoundError, PreconditionFailedError, ConditionalRequestConflictError];

/**
 * @param inbox Listed after the pointer was read that names the manifest.
 * @param isStuck A merge could read none of the pending deltas. Then late duplicates behind them are looked for, too;
 * otherwise those before the oldest pending delta suffice, since later commits come to the others.
 * @param currentAt When the manifest was known to be that of a committed version, by the monotonic clock.
 * @throws StoreUnavailableError, TableUnavailableError, StatusConflictError, KeyCollisionError
 */
export async function settleDeltas(
  ports: Ports,
  manifest: Manifest,
  inbox: readonly InboxEntry[],
  isStuck: boolean,
  currentAt: number,
): Promise<void> {
  const { collection, ledger, numbered = 0 } = manifest;
  const limits = isStuck ? EVERYTHING : OLDEST;
  const { decided, unreported, statuses } = await observeListed(ports, collection, manifest, inbox, limits);
  const lookedAt = ports.clock.monotonic();
  // Before the statuses: a crash in between then repeats the announcement; the other order would lose it.
  await announceCommits(ports, manifest, unreported);
  // All of them before anything is deleted: producers wait for them, and readers must not wait for deletions.
  await mapLimit(unreported, PARALLEL, (entry) => report(ports, collection, entry));
  const entries = new Map(ledger.map((entry) => [entry.deltaId, entry]));
  const isInManifest = ({ deltaId }: InboxEntry) => entries.has(deltaId) || (numberIn(deltaId) ?? Infinity) <= numbered;
  // What only a status tells may have been decided by a version that was committed after the manifest was read.
  const knownAt = decided.every(isInManifest) ? currentAt : lookedAt;
  const remove = async (entry: InboxEntry) => {
    const decided = entries.get(entry.deltaId) ?? statuses.get(entry.deltaId);
    await removeFromInbox(ports, collection, entry, decided, knownAt);
  };
  const { small = [], large = [] } = Object.groupBy(decided, ({ size }) => (size > SMALL ? 'large' : 'small'));
  await mapLimit(small, PARALLEL, remove);
  await mapLimit(large, PARALLEL_LARGE, remove);
  // Last, so that one wrong status does not keep other deltas from being settled.
  for (const entry of ledger) {
    const status = statuses.get(entry.deltaId);
    if (status !== undefined && !sameStatus(status, statusOf(entry))) throw contradiction(collection, entry, status);
  }
}

function contradiction(collection: string, entry: LedgerEntry, status: DeltaStatus): StatusConflictError {
  return new StatusConflictError(
    `The status of delta "${entry.deltaId}" of "${collection}" says ${JSON.stringify(status)}; the ledger says ` +
      `${JSON.stringify(statusOf(entry))}. The ledger is right: find out what wrote the status, then correct the item.`,
  );
}

/** The rejection report, then the status: a reader that sees the status finds the report. */
async function report(ports: Ports, collection: string, entry: LedgerEntry): Promise<void> {
  if (entry.rejectedOperations > 0) {
    const { deltaId, outcome, version, rejectedOperations, rejections = [] } = entry;
    const body = { deltaId, sha256: entry.sha256, outcome, version, rejectedOperations, rejections };
    await createReport(ports, rejectionKey(collection, deltaId), body);
  }
  await ports.statuses.putStatus(collection, entry.deltaId, statusOf(entry));
}

/**
 * Delete an inbox object whose delta is decided: exactly the generation that was compared. The content of a delta that
 * was set aside is copied first. For a number of the log that was decided long ago the decided content may no longer be
 * known; an object found there was never acknowledged under that number.
 */
async function removeFromInbox(
  ports: Ports,
  collection: string,
  entry: InboxEntry,
  decided: DeltaStatus | LedgerEntry | undefined,
  knownAt: number,
): Promise<void> {
  try {
    const { etag, ...found } = await readGeneration(ports, entry).catch(asUnreadable);
    if (found.sha256 !== decided?.sha256) {
      await reportReuse(ports, collection, entry.deltaId, decided?.sha256, found.sha256);
    } else if (await wasSetAside(ports, collection, entry.deltaId, decided))
      await keepAside(ports, collection, { ...entry, etag }, decided.sha256);
    await untilDeletion(ports, knownAt);
    await ports.store.deleteIfMatch(entry.key, etag);
  } catch (error) {
    // The next execution that settles deals with the object that is there then.
    if (RACES.some((race) => error instanceof race)) return;
    if (!(error instanceof UnreadableError)) throw error;
    ports.telemetry.warn('A decided delta cannot be read; it stays in the inbox.', { key: entry.key });
    ports.telemetry.metric(METRICS.unreadableDelta, 1, { collection });
  }
}

/** A timer may fire early, and runs by another clock. */
async function untilDeletion({ clock }: Pick<Ports, 'clock'>, knownAt: number): Promise<void> {
  for (let ms = msUntilDeletion(knownAt, clock.monotonic()); ms > 0; ) {
    await clock.sleep(Math.ceil(ms));
    ms = msUntilDeletion(knownAt, clock.monotonic());
  }
}

/**
 * Decides by the ledger's entry or, if a version later than the one being settled decided the delta, by its report,
 * which is written before the status that this execution has seen. The writer of that report may not have kept the
 * content yet.
 */
async function wasSetAside(
  ports: Ports,
  collection: string,
  deltaId: string,
  decided: DeltaStatus | LedgerEntry,
): Promise<boolean> {
  if ('deltaId' in decided) return isSetAside(decided);
  if (decided.outcome !== 'rejected') return false;
  try {
    const key = rejectionKey(collection, deltaId);
    const { body } = await readBounded(ports, key, MAX_REPORT_BYTES);
    return isSetAside(decodeReport(key, body));
  } catch (error) {
    // An operator deleted the report, so there is nothing to go by.
    if (error instanceof ObjectNotFoundError) return false;
    return asUnreadable(error);
  }
}

/** One unreadable object must not keep all others from being settled. */
class UnreadableError extends Error {}

function asUnreadable(error: unknown): never {
  const isUnreadable = error instanceof StoreUnavailableError || error instanceof CorruptObjectError;
  throw isUnreadable ? new UnreadableError('unreadable', { cause: error }) : error;
}

/** ETag and SHA-256 of the same generation of the object. */
async function readGeneration(ports: Ports, entry: InboxEntry): Promise<{ etag: string; sha256: string }> {
  if (entry.size > SMALL) return { etag: entry.etag, sha256: await hashObject(ports, entry) };
  const { etag, body } = await ports.store.get(entry.key);
  return { etag, sha256: sha256(body) };
}

async function reportReuse(
  ports: Ports,
  collection: string,
  deltaId: string,
  first: string | undefined,
  second: string,
): Promise<void> {
  ports.telemetry.warn('A delta id was reused for other content.', { collection, deltaId });
  const reason = `Delta id "${deltaId}" was used before${first === undefined ? '' : ` for content ${first}`}. Send this content under a new id.`;
  const rejections = [{ line: 0, error: REJECTION.deltaIdReused, reason }];
  const body = { deltaId, sha256: second, outcome: 'rejected' as const, rejectedOperations: 1, rejections };
  await createReport(ports, rejectionKey(collection, deltaId, second), body);
}

async function createReport(ports: Ports, key: string, report: Report): Promise<void> {
  const bytes = encodeReport(report);
  try {
    await createOnce(ports, key, bytes, sha256(bytes));
  } catch (error) {
    // With a TTL on statuses an id may be decided twice; the first report is kept.
    if (!(error instanceof KeyCollisionError)) throw error;
    ports.telemetry.warn('A rejection report of an earlier decision is kept.', { key });
  }
}
