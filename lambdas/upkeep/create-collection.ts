/**
 * Creates the first snapshot of a collection, which is an explicit act: version 0, empty, with its dimension and
 * distance.
 */

import {
  CollectionExistsError,
  CollectionNotFoundError,
  InvalidInputError,
  PointerMissingError,
  PreconditionFailedError,
} from '../errors/errors.ts';
import { recordOfStored } from '../names/look-up.ts';
import { isStoredName } from '../names/records.ts';
import { createOnce } from '../objects/create-once.ts';
import type { Ports, Space } from '../ports.ts';
import { encodePointer } from '../protocol/pointer.ts';
import { MAX_DIMENSION } from '../snapshot/embedding.ts';
import { checkCollection, manifestKey, pointerKey } from '../snapshot/keys.ts';
import { encodeManifest } from '../snapshot/manifest.ts';
import { loadManifest } from '../versions/load-manifest.ts';
import { ownAddress, readOwnPointer } from '../versions/own-pointer.ts';
import { isRemnant } from '../versions/read-pointer.ts';
import { probeStore } from './probe-store.ts';

export interface NewCollection {
  collection: string;
  /** Numbers per embedding, 1 to 65,536. */
  dimension: number;
  space: Space;
  /** The engine's own settings of the collection, including its space, as JSON text. */
  schema?: string;
  /** Who creates it, for the pointer's record. */
  creator: string;
  /** Set if the same process has already probed the store. */
  isTried?: boolean;
  /** Set for a collection made through the directory of names, which never gives a stored name twice. */
  isNamed?: boolean;
}

type CreatePorts = Pick<Ports, 'store' | 'statuses' | 'cache' | 'clock' | 'ids'>;

/**
 * Idempotent: a collection that exists with the same dimension and space is left as it is. Otherwise the store is
 * probed first: see `probeStore`.
 * @throws CollectionExistsError (with another dimension or space, or it was dropped), PointerMissingError (it has a
 * history but no pointer), UnsafeStoreError, InvalidInputError, TableUnavailableError, StoreUnavailableError
 */
export async function createCollection(ports: CreatePorts, request: NewCollection): Promise<'created' | 'existed'> {
  const { collection, dimension, space, creator } = request;
  checkCollection(collection);
  if (!Number.isInteger(dimension) || dimension < 1 || dimension > MAX_DIMENSION) {
    throw new InvalidInputError(
      `Dimension ${dimension} is not valid: give the length of your embeddings, 1 to ${MAX_DIMENSION}.`,
    );
  }
  const isThere = await exists(ports, request);
  // The order matters: if the collection is absent because it was dropped and collected, its record says by now that it
  // was dropped.
  if (!request.isNamed) await refuseUnreachable(ports, collection);
  if (isThere) return 'existed';
  if (await isRemnant(ports, collection)) {
    throw new PointerMissingError(
      `"${collection}" has snapshots but no pointer, so it is not new. Restore "${pointerKey(collection)}" from an ` +
        'earlier bucket version; nothing was changed.',
    );
  }
  if (!request.isTried) await probeStore(ports);
  const statusTable = await ownAddress(ports);
  const commitId = ports.ids.ulid();
  const { bytes, sha256 } = encodeManifest({
    collection,
    version: 0,
    commitId,
    parent: null,
    ancestry: [],
    space,
    dimension,
    engine: null,
    records: 0,
    files: [],
    packs: [],
    ledger: [],
    ...(request.schema !== undefined && { schema: request.schema }),
  });
  const key = manifestKey(collection, 0, commitId);
  await createOnce(ports, key, bytes, sha256);
  const pointer = encodePointer({
    collection,
    version: 0,
    commitId,
    manifest: { key, sha256 },
    token: 0,
    fence: 0,
    fencedBy: null,
    retainedFrom: 0,
    statusTable,
    records: 0,
    committedAt: new Date(ports.clock.now()).toISOString(),
    execution: creator,
  });
  try {
    await ports.store.putIfAbsent(pointerKey(collection), pointer);
    return 'created';
  } catch (error) {
    // The pointer is ours, after a lost response, or somebody else's: in both cases what counts is what it says now.
    if (error instanceof PreconditionFailedError && (await exists(ports, request))) return 'existed';
    throw error;
  }
}

/**
 * Refuse a stored name to which no name in the directory would lead, since garbage collection would delete the
 * collection.
 * @throws InvalidInputError (the directory generates names of this form), CollectionExistsError (it was dropped: a
 * stored name is never used again)
 */
export async function refuseUnreachable(ports: Pick<Ports, 'store'>, collection: string): Promise<void> {
  if (isStoredName(collection)) {
    throw new InvalidInputError(
      `"${collection}" has the form of names under which collections of Chroma's clients are stored. Use another name.`,
    );
  }
  if (!(await recordOfStored(ports, collection))?.dropped) return;
  throw new CollectionExistsError(
    `What was stored as "${collection}" is of a collection that was dropped. Use another name, or create it by a client ` +
      "of Chroma's, which stores it under a name of its own.",
  );
}

async function exists(ports: CreatePorts, { collection, dimension, space }: NewCollection): Promise<boolean> {
  try {
    const { pointer } = await readOwnPointer(ports, collection);
    const { manifest } = await loadManifest(ports, pointer.manifest);
    if (manifest.dimension === dimension && manifest.space === space) return true;
    throw new CollectionExistsError(
      `"${collection}" exists with dimension ${manifest.dimension} and space ${manifest.space}, not ${dimension} and ` +
        `${space}. Use another name.`,
    );
  } catch (error) {
    if (error instanceof CollectionNotFoundError) return false;
    throw error;
  }
}
