/**
 * Settles what a version has decided: of each delta the report and the status first, then its object in the inbox. Works
 * from the current manifest alone, whoever made it, and every write is create-only or conditional, so that any number of
 * executions may do it at once and any of them may die in the middle.
 */
import type { Ports } from '../ports.ts';
import {
  ConditionalRequestConflictError,
  KeyCollisionError,
  ObjectNotFoundError,
  PreconditionFailedError,
  StatusConflictError,
  StoreUnavailableError,
} from '../protocol/errors.ts';
import { type DeltaStatus, type LedgerEntry, sameStatus, statusOf } from '../protocol/ledger.ts';
import { METRICS } from '../protocol/metrics.ts';
import type { InboxEntry } from '../protocol/plan.ts';
import { sha256 } from '../snapshot/blocks.ts';
import { REJECTION } from '../snapshot/delta.ts';
import { rejectionKey } from '../snapshot/keys.ts';
import type { Manifest } from '../snapshot/manifest.ts';
import { announceCommits } from './announce-commits.ts';
import { createOnce, hashObject } from './create-once.ts';
import { EVERYTHING, OLDEST, observeListed } from './observe-inbox.ts';
import { mapLimit } from './waits.ts';

/** Requests of small things: a commit settles hundreds of deltas, and each waits for a read and a delete of its own. */
const PARALLEL = 32;
/** Objects that are read in ranges, of which each takes memory. */
const PARALLEL_LARGE = 4;
const SMALL = 1024 * 1024;
/** Another execution deleted the object first, or a producer wrote it again. */
const RACES = [ObjectNotFoundError, PreconditionFailedError, ConditionalRequestConflictError];

/**
 * @param inbox Listed after the pointer was read that names the manifest.
 * @param isStuck A merge found nothing that it could read among what is pending. Late duplicates behind it are looked for
 * then; otherwise those before the oldest pending delta are enough, since commits bring the others there.
 * @throws StoreUnavailableError, TableUnavailableError, StatusConflictError, KeyCollisionError
 */
export async function settleDeltas(
  ports: Ports,
  manifest: Manifest,
  inbox: readonly InboxEntry[],
  isStuck: boolean,
): Promise<void> {
  const { collection, ledger } = manifest;
  const limits = isStuck ? EVERYTHING : OLDEST;
  const { decided, unreported, statuses } = await observeListed(ports, collection, ledger, inbox, limits);
  // Before their statuses: a crash in between repeats the announcement, where the other order would lose it.
  await announceCommits(ports, manifest, unreported);
  const digests = new Map(ledger.map((entry) => [entry.deltaId, entry.sha256]));
  const remove = async (entry: InboxEntry) => {
    const digest = digests.get(entry.deltaId) ?? statuses.get(entry.deltaId)?.sha256;
    if (digest !== undefined) await removeFromInbox(ports, collection, entry, digest);
  };
  const { small = [], large = [] } = Object.groupBy(decided, ({ size }) => (size > SMALL ? 'large' : 'small'));
  const inInbox = new Map(small.map((entry) => [entry.deltaId, entry]));
  // One delta after the other, its status first: what the table takes and what the store takes pass at the same time.
  await mapLimit(unreported, PARALLEL, async (entry) => {
    await report(ports, collection, entry);
    const object = inInbox.get(entry.deltaId);
    inInbox.delete(entry.deltaId);
    if (object !== undefined) await remove(object);
  });
  await mapLimit([...inInbox.values()], PARALLEL, remove);
  await mapLimit(large, PARALLEL_LARGE, remove);
  // Last, so that one wrong status keeps nobody else's delta from being settled.
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

/** The rejection report, then the status: whoever sees the status finds the report. */
async function report(ports: Ports, collection: string, entry: LedgerEntry): Promise<void> {
  if (entry.rejectedOperations > 0) {
    const { deltaId, outcome, version, rejectedOperations, rejections = [] } = entry;
    const body = { deltaId, sha256: entry.sha256, outcome, version, rejectedOperations, rejections };
    await createReport(ports, rejectionKey(collection, deltaId), body);
  }
  await ports.statuses.putStatus(collection, entry.deltaId, statusOf(entry));
}

/** Delete an inbox object whose delta is decided: exactly the generation that was compared, and no other. */
async function removeFromInbox(ports: Ports, collection: string, entry: InboxEntry, digest: string): Promise<void> {
  try {
    const { etag, ...found } = await readGeneration(ports, entry).catch(asUnreadable);
    if (found.sha256 !== digest) await reportReuse(ports, collection, entry.deltaId, digest, found.sha256);
    await ports.store.deleteIfMatch(entry.key, etag);
  } catch (error) {
    // Whoever looks next sees what is there then.
    if (RACES.some((race) => error instanceof race)) return;
    if (!(error instanceof UnreadableError)) throw error;
    ports.telemetry.warn('A decided delta cannot be read; it stays in the inbox.', { key: entry.key });
    ports.telemetry.metric(METRICS.unreadableDelta, 1, { collection });
  }
}

/** One object that cannot be read must not keep all others from being settled. */
class UnreadableError extends Error {}

function asUnreadable(error: unknown): never {
  throw error instanceof StoreUnavailableError ? new UnreadableError('unreadable', { cause: error }) : error;
}

/** ETag and SHA-256 of one and the same generation of the object. */
async function readGeneration(ports: Ports, entry: InboxEntry): Promise<{ etag: string; sha256: string }> {
  if (entry.size > SMALL) return { etag: entry.etag, sha256: await hashObject(ports, entry) };
  const { etag, body } = await ports.store.get(entry.key);
  return { etag, sha256: sha256(body) };
}

async function reportReuse(
  ports: Ports,
  collection: string,
  deltaId: string,
  first: string,
  second: string,
): Promise<void> {
  ports.telemetry.warn('A delta id was reused for other content.', { collection, deltaId });
  const reason = `Delta id "${deltaId}" was used before for content ${first}. Send this content under a new id.`;
  const rejections = [{ line: 0, error: REJECTION.deltaIdReused, reason }];
  const body = { deltaId, sha256: second, outcome: 'rejected', rejectedOperations: 1, rejections };
  await createReport(ports, rejectionKey(collection, deltaId, second), body);
}

async function createReport(ports: Ports, key: string, body: unknown): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify(body, null, 2)}\n`);
  try {
    await createOnce(ports, key, bytes, sha256(bytes));
  } catch (error) {
    // With a TTL on statuses an id may be decided twice; the first report stands.
    if (!(error instanceof KeyCollisionError)) throw error;
    ports.telemetry.warn('A rejection report of an earlier decision is kept.', { key });
  }
}
