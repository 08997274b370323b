/** The first snapshot of a collection is an explicit act: version 0, empty, with its dimension and distance. */

import {
  CollectionExistsError,
  CollectionNotFoundError,
  InvalidInputError,
  PointerMissingError,
  PreconditionFailedError,
} from '../errors/errors.ts';
import { createOnce } from '../objects/create-once.ts';
import type { Ports, Space } from '../ports.ts';
import { encodePointer } from '../protocol/pointer.ts';
import { checkCollection, manifestKey, pointerKey } from '../snapshot/keys.ts';
import { encodeManifest } from '../snapshot/manifest.ts';
import { MAX_DIMENSION } from '../snapshot/operation.ts';
import { loadManifest } from '../versions/load-manifest.ts';
import { ownAddress, readOwnPointer } from '../versions/own-pointer.ts';
import { isRemnant } from '../versions/read-pointer.ts';
import { probeStore } from './probe-store.ts';

export interface NewCollection {
  collection: string;
  /** Numbers per embedding, 1 to 65,536. */
  dimension: number;
  space: Space;
  /** The engine's own settings of it, which hold for `space` as well: JSON text. */
  schema?: string;
  /** Who creates it, for the pointer's record. */
  creator: string;
  /** The store was tried already, by the same process. */
  isTried?: boolean;
}

type CreatePorts = Pick<Ports, 'store' | 'statuses' | 'cache' | 'clock' | 'ids'>;

/**
 * Idempotent: a collection that exists with the same dimension and space is left as it is.
 * The store is tried first: see `probeStore`.
 * @throws CollectionExistsError (with another dimension or space), PointerMissingError (it has a history but no pointer),
 * UnsafeStoreError, InvalidInputError, TableUnavailableError, StoreUnavailableError
 */
export async function createCollection(ports: CreatePorts, request: NewCollection): Promise<'created' | 'existed'> {
  const { collection, dimension, space, creator } = request;
  checkCollection(collection);
  if (!Number.isInteger(dimension) || dimension < 1 || dimension > MAX_DIMENSION) {
    throw new InvalidInputError(
      `Dimension ${dimension} is not valid: give the length of your embeddings, 1 to ${MAX_DIMENSION}.`,
    );
  }
  if (await exists(ports, request)) return 'existed';
  if (await isRemnant(ports, collection)) {
    throw new PointerMissingError(
      `"${collection}" has snapshots but no pointer, so it is not new. Restore "${pointerKey(collection)}" from an ` +
        'earlier bucket version; nothing was changed.',
    );
  }
  if (!request.isTried) await probeStore(ports);
  const statusTable = await ownAddress(ports);
  const commitId = ports.ids.commitId();
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
    // Ours after a lost response, or somebody else's: what counts is what is there now.
    if (error instanceof PreconditionFailedError && (await exists(ports, request))) return 'existed';
    throw error;
  }
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
