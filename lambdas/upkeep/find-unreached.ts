/** Where to look for collections that no name leads to: everywhere where something is stored of one. */
import { findDatabase } from '../names/databases.ts';
import { type FindDatabase, judgeReach, judgeRecord, listRecords, type Reach, readRecordAt } from '../names/reach.ts';
import { isStoredName, STORED_NAME_PREFIX } from '../names/records.ts';
import type { Ports } from '../ports.ts';
import { COLLECTION_PREFIXES, collectionOf } from '../snapshot/keys.ts';
import { parseUnreachedKey, UNREACHED_PREFIX } from '../snapshot/name-keys.ts';
import { type CollectionFailure, forEachCollection, listCollections } from '../versions/list-collections.ts';

type FindPorts = Pick<Ports, 'store' | 'clock' | 'ids' | 'telemetry'>;

/** Comes after everything in a folder: the character that follows `/`. */
const AFTER_SLASH = '0';

export interface Candidates {
  /** No name led there a moment ago, or in an earlier run. */
  unreached: string[];
  /** Keys of entries that count. */
  counting: ReadonlySet<string>;
  failures: CollectionFailure[];
}

/** One that cannot be judged is a failure, and no candidate. @throws StoreUnavailableError (something cannot be listed) */
export async function findUnreached(ports: FindPorts): Promise<Candidates> {
  const counting = new Set<string>();
  const unreached = new Set<string>();
  const recorded = new Set<string>();
  const note = (collection: string, reach: Reach) => {
    if (!reach.isReached) unreached.add(collection);
    else if (reach.entryKey !== undefined) counting.add(reach.entryKey);
  };
  // What is said of a database may be old by the end of the run: whoever takes a collection looks anew.
  const find = remembering(ports);
  const failures = await forEachCollection(ports, await listRecords(ports), async (key) => {
    const record = await readRecordAt(ports, key);
    if (record === undefined) return;
    recorded.add(record.value.collection);
    note(record.value.collection, await judgeRecord(ports, record, find));
  });
  // A mark is looked at in any case: of a collection that is reached again, it goes.
  for (const collection of await listMarked(ports)) unreached.add(collection);
  // What is stored without a record is of collections that were dropped.
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

/** Collections that were made through the directory, and of which something is stored. */
async function listStored(ports: FindPorts): Promise<string[]> {
  const found = new Set<string>();
  for (const collection of await listCollections(ports)) if (isStoredName(collection)) found.add(collection);
  for (const prefix of COLLECTION_PREFIXES) {
    for await (const collection of foldersIn(ports, prefix)) if (isStoredName(collection)) found.add(collection);
  }
  return [...found];
}

/** By pages, and past the rest of a folder that fills one: a collection may have millions of objects. */
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
