/**
 * Removes what is stored of a collection that no name leads to any more. The pointer is deleted first: from then on
 * nothing can be published, since every swap needs it unchanged, and a half-removed collection is not mistaken for a
 * damaged one. If a process that knew the collection earlier still writes something, the next run finds and removes it.
 */
import { retry } from '../concurrency/retry.ts';
import {
  CollectionNotFoundError,
  ConditionalRequestConflictError,
  ObjectNotFoundError,
  PointerMissingError,
  PreconditionFailedError,
  StoreUnavailableError,
} from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import { COLLECTION_PREFIXES, collectionOf, pointerKey } from '../snapshot/keys.ts';
import { readOwnPointer } from '../versions/own-pointer.ts';
import { deleteAll } from './delete-objects.ts';

type RemovePorts = Pick<Ports, 'store' | 'statuses' | 'clock' | 'ids' | 'telemetry'>;

const ATTEMPTS = 10;
const PASSING = [PreconditionFailedError, ConditionalRequestConflictError, StoreUnavailableError];

/** What was removed, or would be. */
export interface Contents {
  /** Number of objects, including the pointer. */
  objects: number;
  /** Stored bytes. */
  bytes: number;
  /** Number of items in the table. */
  items: number;
}

/**
 * The caller has made sure that no name leads to the collection, or ever will.
 * @throws ForeignStoreError and CorruptObjectError (from reading the pointer; nothing was removed),
 * StoreUnavailableError, TableUnavailableError (the next run removes the rest)
 */
export async function removeCollection(ports: RemovePorts, collection: string): Promise<Contents> {
  const removed = { objects: 0, bytes: 0, items: 0 };
  const size = await removePointer(ports, collection);
  if (size !== undefined) count(removed, [{ size }]);
  for await (const page of listContents(ports, collection)) {
    await deleteAll(ports, page);
    count(removed, page);
  }
  removed.items = await ports.statuses.forgetCollection(collection);
  return removed;
}

/** What a removal would remove from the store. @throws ForeignStoreError, CorruptObjectError, StoreUnavailableError */
export async function measureContents(ports: RemovePorts, collection: string): Promise<Contents> {
  const found = { objects: 0, bytes: 0, items: 0 };
  if (await hasOwnPointer(ports, collection)) count(found, [await ports.store.head(pointerKey(collection))]);
  for await (const page of listContents(ports, collection)) count(found, page);
  return found;
}

/** Is anything stored of it? @throws ForeignStoreError, CorruptObjectError, StoreUnavailableError */
export async function holdsAnything(ports: RemovePorts, collection: string): Promise<boolean> {
  if (await hasOwnPointer(ports, collection)) return true;
  for await (const page of listContents(ports, collection)) if (page.length > 0) return true;
  return false;
}

function count(contents: Contents, objects: ReadonlyArray<{ size: number }>): void {
  contents.objects += objects.length;
  contents.bytes += objects.reduce((sum, { size }) => sum + size, 0);
}

/** Keys that this system does not create are left alone, and are no reason for another run to look here. */
async function* listContents({ store, telemetry }: RemovePorts, collection: string) {
  for (const prefix of COLLECTION_PREFIXES) {
    for await (const page of store.list(`${prefix}${collection}/`)) {
      const own = page.filter(({ key }) => collectionOf(key) === collection);
      if (own.length < page.length) {
        const strangers = page.filter((object) => !own.includes(object)).map(({ key }) => key);
        telemetry.warn('Objects of a collection are none that this system makes; they are left alone.', { strangers });
      }
      yield own;
    }
  }
}

/** @returns its size; `undefined`: there is none */
async function removePointer(ports: RemovePorts, collection: string): Promise<number | undefined> {
  const remove = async () => {
    if (!(await hasOwnPointer(ports, collection))) return undefined;
    const { size, etag } = await ports.store.head(pointerKey(collection));
    await ports.store.deleteIfMatch(pointerKey(collection), etag);
    return size;
  };
  try {
    return await retry(ports, ATTEMPTS, remove, (error) => PASSING.some((kind) => error instanceof kind));
  } catch (error) {
    // Another run deleted it first.
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}

async function hasOwnPointer(ports: RemovePorts, collection: string): Promise<boolean> {
  try {
    await readOwnPointer(ports, collection);
    return true;
  } catch (error) {
    if (error instanceof CollectionNotFoundError || error instanceof PointerMissingError) return false;
    throw error;
  }
}
