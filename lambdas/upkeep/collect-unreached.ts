/**
 * Garbage collection of whole collections: one that no name leads to is deleted `retainDays` after a run first found it
 * so (ADR 53). The delay is a promise to people, who may want the collection back. Safety comes from the order instead:
 * the record is deleted only if it is still as it was before the entry was read. Without a record no name will ever
 * lead to the collection again, and only then are its objects deleted.
 */
import { z } from 'zod';
import { deleteDead, isDead, judgeReach, listDoubtful } from '../names/reach.ts';
import { deleteSmall, readSmall, writeSmall } from '../names/small-object.ts';
import type { Ports } from '../ports.ts';
import { METRICS } from '../protocol/metrics.ts';
import { recordKey, unreachedKey } from '../snapshot/name-keys.ts';
import { type CollectionFailure, forEachCollection } from '../versions/list-collections.ts';
import { findUnreached } from './find-unreached.ts';
import { type Contents, holdsAnything, measureContents, removeCollection } from './remove-collection.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;

/** `since`: milliseconds since the epoch, by the clock of the host that first found it unreached. */
const mark = z.strictObject({ format: z.literal(1), collection: z.string(), since: z.number(), revision: z.string() });

/**
 * `found`: found unreached for the first time, by this run, which deletes nothing. `waiting`: its retention has not
 * ended. `taken`: it was deleted; a later run checks once more. `finished`: that check found nothing new. A dry run
 * reports what a real one would do.
 */
export type UnreachedState = 'found' | 'waiting' | 'taken' | 'finished';

export interface UnreachedCollection extends Contents {
  /** The name under which it is stored. */
  collection: string;
  state: UnreachedState;
  /** ISO 8601: when a run first found it unreached, and when it will be due for deletion. */
  since: string;
  dueAt: string;
}

export interface CollectedUnreached {
  collections: UnreachedCollection[];
  /** Keys of entries in the directory that led nowhere: deleted, or in a dry run to be deleted. */
  entries: string[];
  failures: CollectionFailure[];
}

/** @throws CorruptObjectError, StoreUnavailableError (the directory of names cannot be listed) */
export async function collectUnreached(ports: Ports, { dryRun }: { dryRun: boolean }): Promise<CollectedUnreached> {
  const { unreached, counting, failures } = await findUnreached(ports);
  const collections: UnreachedCollection[] = [];
  const ofCollections = await forEachCollection(ports, unreached, async (collection) => {
    const found = await collectOne(ports, collection, dryRun);
    if (found !== undefined) collections.push(found);
  });
  const entries: string[] = [];
  const until = ports.clock.now() - retentionMs(ports);
  const ofEntries = await forEachCollection(ports, await listDoubtful(ports, counting, until), async (key) => {
    if (await (dryRun ? isDead(ports, key) : deleteDead(ports, key))) entries.push(key);
  });
  if (entries.length > 0) ports.telemetry.info('Names that led nowhere.', { entries, dryRun });
  failures.push(...ofCollections, ...ofEntries);
  return { collections: collections.sort(byName), entries: entries.sort(), failures };
}

async function collectOne(ports: Ports, collection: string, dryRun: boolean): Promise<UnreachedCollection | undefined> {
  const key = unreachedKey(collection);
  const marked = await readSmall(ports, key, mark);
  const reach = await judgeReach(ports, collection);
  if (reach.isReached) {
    if (marked !== undefined && !dryRun) await deleteSmall(ports, key, marked.etag);
    return undefined;
  }
  const now = ports.clock.now();
  const since = marked?.value.since ?? now;
  const report = (state: UnreachedState, contents: Contents = { objects: 0, bytes: 0, items: 0 }) => ({
    ...{ collection, state, since: new Date(since).toISOString() },
    ...{ dueAt: new Date(since + retentionMs(ports)).toISOString(), ...contents },
  });
  if (marked === undefined) {
    if (reach.record === undefined && !(await holdsAnything(ports, collection))) return undefined;
    const noted = { format: 1, collection, since, revision: ports.ids.ulid() };
    if (!dryRun) await writeSmall(ports, key, noted, undefined);
    return report('found');
  }
  if (now - since < retentionMs(ports)) return report('waiting');
  if (dryRun) return report('taken', await measureContents(ports, collection));
  // Deleted by the ETag that was read before the entry: a writer that is about to name the collection rewrites the
  // record, and then this fails.
  const isFree =
    reach.record === undefined || (await deleteSmall(ports, recordKey(reach.record.value.id), reach.record.etag));
  if (!isFree) return report('waiting');
  const removed = await removeCollection(ports, collection);
  const isFinished = reach.record === undefined && removed.objects + removed.items === 0;
  // The mark is deleted last, so that a later run continues one that died on the way.
  if (isFinished) await deleteSmall(ports, key, marked.etag);
  ports.telemetry.info('A collection that no name leads to was taken.', { collection, isFinished, ...removed });
  if (removed.bytes > 0) ports.telemetry.metric(METRICS.garbageBytes, removed.bytes, { collection });
  return report(isFinished ? 'finished' : 'taken', removed);
}

function retentionMs({ settings }: Pick<Ports, 'settings'>): number {
  return settings.retainDays * DAY_MS;
}

function byName(a: UnreachedCollection, b: UnreachedCollection): number {
  return a.collection < b.collection ? -1 : 1;
}
