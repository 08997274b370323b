/**
 * Garbage collection: deletes what no retained version needs. Its safety rests on the order: first the objects are
 * listed, *then* the pointer is read and fenced, and then whatever was listed and is unreachable from the fenced
 * pointer is deleted. If there is no garbage, there is no fence. Nothing is deleted without a fence, nor if anything
 * cannot be read.
 */
import { z } from 'zod';
import { InvalidInputError } from '../errors/errors.ts';
import type { Ports, PruneResult } from '../ports.ts';
import { METRICS } from '../protocol/metrics.ts';
import { isManifest, type ListedObject } from '../protocol/retention.ts';
import { checkCollection, manifestsPrefix, packsPrefix, parseManifestKey, parsePackKey } from '../snapshot/keys.ts';
import { collectionsFailed, forEachCollection, listCollections } from '../versions/list-collections.ts';
import { type CollectedUnreached, collectUnreached } from './collect-unreached.ts';
import { deleteAll } from './delete-objects.ts';
import { type FenceRequest, fenceGarbage } from './fence-garbage.ts';

/** No execution works on one commit for this long. If one does, it has to fetch or merge again. */
const CACHE_AGE_MS = 24 * 60 * 60 * 1_000;
const NOTHING_PRUNED: PruneResult = { objects: 0, staging: 0, bytes: 0 };

/** In a dry run, the numbers that a real run would have. */
export interface GarbageReport {
  collection: string;
  dryRun: boolean;
  fenced: boolean;
  /** Oldest version that is kept. */
  retainedFrom: number;
  deletedManifests: number;
  deletedPacks: number;
  /** Stored bytes. */
  deletedBytes: number;
  /** Number of listed objects that are kept. */
  kept: number;
}

/** The report, and the objects behind its numbers. */
export interface CollectedGarbage extends GarbageReport {
  /** In the order of deletion. */
  garbage: ListedObject[];
  /** Keys that this system does not create. They are kept. */
  strangers: string[];
}

/**
 * Collect the garbage of one collection, in the store and then in the cache.
 * @throws CorruptObjectError (a retained manifest is missing or damaged), PointerMovedError (the fence lost every
 * race), InvalidInputError, StoreUnavailableError, CacheUnwritableError, and those of the pointer
 */
export async function collectGarbage(ports: Ports, request: FenceRequest): Promise<CollectedGarbage> {
  const { reachable, garbage, strangers, report } = await collectFromStore(ports, request);
  if (!report.dryRun) await pruneCache(ports, new Map([[request.collection, reachable]]));
  return { ...report, garbage, strangers };
}

const input = z.union([
  // The schedule's own event, which has further members and names no collection.
  z.looseObject({ source: z.literal('aws.events'), collection: z.never().optional() }),
  // Input from a person is strict: a misspelt member must not collect the garbage of all collections.
  z.strictObject({ collection: z.string().optional() }),
]);

export interface GarbageRun {
  runId: string;
  dryRun: boolean;
  reports: GarbageReport[];
  /** Present if the run was over all collections: what no name leads to. */
  unreached?: CollectedUnreached;
  /** What was removed from the cache; nothing in a dry run. */
  pruned: PruneResult;
}

/**
 * Collect the garbage of the collection that the event names, or of all.
 * @throws CollectionsFailedError (after all have been tried), InvalidInputError, StoreUnavailableError (they cannot be
 * listed), CorruptObjectError (the directory of names cannot be read), CacheUnwritableError
 */
export async function collectAllGarbage(ports: Ports, event: unknown): Promise<GarbageRun> {
  const parsed = input.safeParse(event);
  if (!parsed.success) {
    throw new InvalidInputError('The input must be {"collection": "<name>"}, or {} for all. Nothing was collected.');
  }
  return collectMany(ports, { collection: parsed.data.collection, dryRun: false });
}

/** The same with a dry run, for callers that want to know beforehand. @throws what `collectAllGarbage` throws */
export async function collectMany(
  ports: Ports,
  { collection: named, dryRun }: { collection?: string | undefined; dryRun: boolean },
): Promise<GarbageRun> {
  const listed = named === undefined ? await listCollections(ports) : [checkCollection(named)];
  // Each run begins at another collection: a run that is cut off leaves some, and must not always leave the same ones.
  const first = Math.floor(ports.ids.random() * listed.length);
  const collections = [...listed.slice(first), ...listed.slice(0, first)];
  const runId = ports.ids.ulid();
  const reports: GarbageReport[] = [];
  const reachable = new Map<string, ReadonlySet<string>>();
  const failures = await forEachCollection(ports, collections, async (collection) => {
    const collected = await collectFromStore(ports, { collection, runId, dryRun });
    reports.push(collected.report);
    reachable.set(collection, collected.reachable);
  });
  const unreached = named === undefined ? await collectUnreached(ports, { dryRun }) : undefined;
  failures.push(...(unreached?.failures ?? []));
  for (const { collection } of failures) ports.telemetry.metric(METRICS.garbageFailure, 1, { collection });
  const known = unreached && new Set(listed);
  const pruned = dryRun ? NOTHING_PRUNED : await pruneCache(ports, reachable, known);
  if (failures.length > 0) throw collectionsFailed('Garbage collection', failures);
  return { runId, dryRun, reports, ...(unreached && { unreached }), pruned };
}

interface FromStore extends Pick<CollectedGarbage, 'garbage' | 'strangers'> {
  report: GarbageReport;
  /** Keys of all objects that the retained versions consist of. */
  reachable: ReadonlySet<string>;
}

async function collectFromStore(ports: Ports, request: FenceRequest): Promise<FromStore> {
  const { collection, dryRun = false } = request;
  const listed = await listObjects(ports, checkCollection(collection));
  const { fenced, retainedFrom, reachable, garbage, kept, strangers } = await fenceGarbage(ports, request, listed);
  for (const key of strangers) ports.telemetry.warn('An object is no manifest or pack; it is left alone.', { key });
  const manifests = garbage.filter(({ key }) => isManifest(key));
  const packs = garbage.filter(({ key }) => !isManifest(key));
  const report: GarbageReport = {
    ...{ collection, dryRun, fenced, retainedFrom, kept },
    deletedManifests: manifests.length,
    deletedPacks: packs.length,
    deletedBytes: garbage.reduce((sum, { size }) => sum + size, 0),
  };
  if (fenced) {
    // Manifests first, so that a manifest never outlives what it refers to.
    await deleteAll(ports, manifests);
    await deleteAll(ports, packs);
    ports.telemetry.metric(METRICS.garbageBytes, report.deletedBytes, { collection });
  }
  ports.telemetry.info('Garbage collected.', { ...report });
  return { report, garbage, strangers, reachable };
}

async function listObjects(ports: Pick<Ports, 'store'>, collection: string): Promise<ListedObject[]> {
  const listed: ListedObject[] = [];
  for (const prefix of [manifestsPrefix(collection), packsPrefix(collection)]) {
    for await (const page of ports.store.list(prefix)) {
      for (const { key, size } of page) listed.push({ key, size });
    }
  }
  return listed;
}

/**
 * All collections share the cache: objects of collections that this run did not examine are kept.
 * @param known All collections that exist: objects of any other collection are removed. Default: not known, so they are
 * kept.
 */
async function pruneCache(
  ports: Pick<Ports, 'cache' | 'clock'>,
  reachable: ReadonlyMap<string, ReadonlySet<string>>,
  known?: ReadonlySet<string>,
): Promise<PruneResult> {
  const keep = (key: string) => {
    const collection = (parseManifestKey(key) ?? parsePackKey(key))?.collection;
    if (collection === undefined) return true;
    return reachable.get(collection)?.has(key) ?? known?.has(collection) ?? true;
  };
  const now = ports.clock.now();
  return ports.cache.prune({ keep, olderThanMs: CACHE_AGE_MS, stagingOlderThanMs: CACHE_AGE_MS, now });
}
