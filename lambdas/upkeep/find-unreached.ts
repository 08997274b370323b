/** Finds collections that no name leads to, wherever something is stored of one. */
import { findDatabase } from '../names/databases.ts';
import { type FindDatabase, judgeReach, judgeRecord, listRecords, type Reach, readRecordAt } from '../names/reach.ts';
import { isStoredName, STORED_NAME_PREFIX } from '../names/records.ts';
import type { Ports } from '../ports.ts';
import { COLLECTION_PREFIXES, collectionOf } from '../snapshot/keys.ts';
import { parseUnreachedKey, UNREACHED_PREFIX } from '../snapshot/name-keys.ts';
import { type CollectionFailure, forEachCollection, listCollections } from '../versions/list-collections.ts';

type FindPorts = Pick<Ports, 'store' | 'clock' | 'ids' | 'telemetry'>;

/** The character that follows `/`: with it, a key sorts after everything in the folder. */
const AFTER_SLASH = '0';

export interface Candidates {
  /** Collections to which no name led a moment ago, or in an earlier run. */
  unreached: string[];
  /** Keys of entries that count. */
  counting: ReadonlySet<string>;
  failures: CollectionFailure[];
}

/**
 * A collection that cannot be judged is reported as a failure, and is not a candidate. @throws StoreUnavailableError
 * (something cannot be listed)
 */
export async function findUnreached(ports: FindPorts): Promise<Candidates> {
  const counting = new Set<string>();
  const unreached = new Set<string>();
  const recorded = new Set<string>();
  const note = (collection: string, reach: Reach) => {
    if (!reach.isReached) unreached.add(collection);
    else if (reach.entryKey !== undefined) counting.add(reach.entryKey);
  };
  // Databases are remembered and may have changed by the end of the run, so the deleting code judges each collection
  // anew.
  const find = remembering(ports);
  const failures = await forEachCollection(ports, await listRecords(ports), async (key) => {
    const record = await readRecordAt(ports, key);
    if (record === undefined) return;
    recorded.add(record.value.collection);
    note(record.value.collection, await judgeRecord(ports, record, find));
  });
  // Marked collections are candidates in any case: if one is reached again, its mark must be deleted.
  for (const collection of await listMarked(ports)) unreached.add(collection);
  // Objects without a record belong to collections that were dropped.
  const others = (await listStored(ports)).filter((collection) => !recorded.has(collection));
  const ofOthers = await forEachCollection(ports, others, async (collection) => {
    note(collection, await judgeReach(ports, collection));
  });
  return { unreached: [...unreached].sort(), counting, failures: [...failures, ...ofOthers] };
}

function remembering(ports: FindPorts): FindDatabase {
  const known = new Map<string, ReturnType<FindDatabase>>();
  return (tenant, name) => {
    const key = JSON.stringify([tenant, name]);
    const found = known.get(key) ?? findDatabase(ports, tenant, name);
    known.set(key, found);
    return found;
  };
}

async function listMarked(ports: FindPorts): Promise<string[]> {
  const found: string[] = [];
  for await (const page of ports.store.list(UNREACHED_PREFIX)) {
    for (const { key } of page) {
      const collection = parseUnreachedKey(key)?.collection;
      if (collection === undefined) ports.telemetry.warn('An object is no mark; it is left alone.', { key });
      else found.push(collection);
    }
  }
  return found;
}

/** Collections that were made through the directory and still have stored objects. */
async function listStored(ports: FindPorts): Promise<string[]> {
  const found = new Set<string>();
  for (const collection of await listCollections(ports)) if (isStoredName(collection)) found.add(collection);
  for (const prefix of COLLECTION_PREFIXES) {
    for await (const collection of foldersIn(ports, prefix)) if (isStoredName(collection)) found.add(collection);
  }
  return [...found];
}

/**
 * Reads one page at a time, and skips the rest of a folder that goes on beyond the page: a collection may have millions
 * of objects.
 */
async function* foldersIn({ store }: Pick<Ports, 'store'>, prefix: string): AsyncGenerator<string> {
  let startAfter: string | undefined;
  for (;;) {
    let last: string | undefined;
    for await (const page of store.list(prefix + STORED_NAME_PREFIX, startAfter === undefined ? {} : { startAfter })) {
      for (const { key } of page) {
        const collection = collectionOf(key);
        if (collection !== undefined) yield collection;
      }
      last = page.at(-1)?.key;
      break;
    }
    if (last === undefined) return;
    const end = last.indexOf('/', prefix.length);
    startAfter = end < 0 ? last : last.slice(0, end) + AFTER_SLASH;
  }
}
