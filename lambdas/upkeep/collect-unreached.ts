/**
 * Garbage collection of whole collections: what no name leads to, `retainDays` after that was first seen (ADR 53). The time
 * is a promise to people, who may want it back. Safety comes from the order instead: a record goes as it was before the
 * entry was looked at, and without a record no name will ever lead there again; only then goes what is stored.
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

/** `since`: milliseconds since the epoch, by the host that saw it first. */
const mark = z.strictObject({ format: z.literal(1), collection: z.string(), since: z.number(), revision: z.string() });

/**
 * `found`: by this run, which leaves it. `waiting`: for the end of the retention. `taken`: it is gone; a later run looks
 * once more, and is `finished` with it when nothing came since. In a dry run: what would be.
 */
export type UnreachedState = 'found' | 'waiting' | 'taken' | 'finished';

export interface UnreachedCollection extends Contents {
  /** Under which it is stored. */
  collection: string;
  state: UnreachedState;
  /** ISO 8601: when a run saw it first, and from when on it is taken. */
  since: string;
  dueAt: string;
}

export interface CollectedUnreached {
  collections: UnreachedCollection[];
  /** Of the directory, that led nowhere: deleted, or in a dry run to be deleted. */
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
    const noted = { format: 1, collection, since, revision: ports.ids.commitId() };
    if (!dryRun) await writeSmall(ports, key, noted, undefined);
    return report('found');
  }
  if (now - since < retentionMs(ports)) return report('waiting');
  if (dryRun) return report('taken', await measureContents(ports, collection));
  // As it was read before the entry: whoever is about to name it will write it, and has won then.
  const isFree =
    reach.record === undefined || (await deleteSmall(ports, recordKey(reach.record.value.id), reach.record.etag));
  if (!isFree) return report('waiting');
  const removed = await removeCollection(ports, collection);
  const isFinished = reach.record === undefined && removed.objects + removed.items === 0;
  // Last, so that a run that dies on the way is continued.
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
