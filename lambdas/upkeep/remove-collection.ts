/**
 * What is stored of a collection that no name leads to any more, removed. The pointer goes first: from then on nothing can
 * be published, since each swap needs it as it was, and nobody takes what is half gone for damaged. Whatever a process that
 * knew the collection earlier still writes is found by the next run, and goes as well.
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

/** What was there, or is. */
export interface Contents {
  /** The pointer included. */
  objects: number;
  /** Stored bytes. */
  bytes: number;
  /** Of the table. */
  items: number;
}

/**
 * The caller has made sure that no name leads there, or ever will.
 * @throws ForeignStoreError and CorruptObjectError (of the pointer; nothing was removed), StoreUnavailableError,
 * TableUnavailableError (what is left is for the next run)
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

/** What a removal would remove, of the store. @throws ForeignStoreError, CorruptObjectError, StoreUnavailableError */
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

/** Keys that this system does not make stay, and are no reason to look here again. */
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
    // Another run was faster.
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
