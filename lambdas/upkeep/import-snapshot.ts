/**
 * Import: a directory that holds one collection becomes version 1 of it, by the same blocks, packs, manifest and
 * compare-and-swap as any other commit. As in a rollback, there is no lock and no claim: a commit that comes first
 * wins. Everything is checked before anything is created, so that a failure leaves nothing that would obstruct the next
 * attempt.
 */

import { announceVersion } from '../commit/announce-commits.ts';
import { publishVersion } from '../commit/publish.ts';
import { scan } from '../commit/scan.ts';
import { type SealedCommit, STAGED, sealCommit } from '../commit/seal-commit.ts';
import { uploadedBytes, uploadStaged } from '../commit/upload-staged.ts';
import { blameSource } from '../errors/blame-source.ts';
import {
  CollectionExistsError,
  CollectionNotFoundError,
  DiskFullError,
  EngineTooOldError,
  EngineUnavailableError,
  MergeVerificationError,
  PointerMovedError,
} from '../errors/errors.ts';
import type { Ports, Space, WorkingDirectory } from '../ports.ts';
import type { Pointer } from '../protocol/pointer.ts';
import type { DirectoryDigests } from '../snapshot/blocks.ts';
import { decodeManifest, type EngineStamp } from '../snapshot/manifest.ts';
import { type CurrentVersion, loadCurrent } from '../versions/load-current.ts';
import { readOwnPointer } from '../versions/own-pointer.ts';
import { createCollection, refuseUnreachable } from './create-collection.ts';
import { readBack } from './read-back.ts';

export interface ImportRequest {
  collection: string;
  /** Not in use, with the collection under its name and nothing else in it. Marked clean when it is published. */
  directory: WorkingDirectory;
  /** The path of which the directory is a copy: messages to its owner name it. */
  source: string;
  dimension: number;
  /** The number of records that it must hold, according to both its database and the engine. */
  records: number;
  /** Who imports, for the pointer's record. */
  actor: string;
}

export interface Imported {
  collection: string;
  version: number;
  commitId: string;
  records: number;
  /** The space found by measurement. */
  space: Space;
  snapshotBytes: number;
  uploadedBytes: number;
}

/** Errors that are due to this machine, not to the imported directory. */
const OF_THIS_MACHINE = [DiskFullError, EngineTooOldError] as const;

const NOTHING: DirectoryDigests = {
  manifestKey: '',
  manifestSha256: '',
  manifest: new Uint8Array(),
  files: new Map(),
};

/**
 * Creates the collection if it does not exist. Deltas that wait for it are merged on top of the import.
 * @throws CollectionExistsError (it has a history, or another shape), DamagedSourceError (the directory does not hold
 * what it should, or cannot be used), PointerMovedError (another commit came first), SwapUnknownError,
 * InvariantViolatedError, EngineUnavailableError, StoreUnavailableError, CacheUnwritableError, and those of the pointer
 */
export async function importSnapshot(ports: Ports, request: ImportRequest): Promise<Imported> {
  const { collection, directory, dimension, records, actor } = request;
  await refuseHistory(ports, collection);
  const { space, engine } = await checkDirectory(ports, request);
  await createCollection(ports, { collection, dimension, space, creator: actor });
  const base = await loadCurrent(ports, collection);
  if (base.manifest.version > 0) throw hasHistory(base.pointer);
  const { ledger } = base.manifest;
  const scanned = await scan(directory, NOTHING);
  const sealed = await sealCommit(ports, directory, { base, scanned, engine, records, ledger });
  const { merge, digests } = sealed;
  await uploadStaged(ports, collection, merge);
  await publish(ports, base, merge, actor);
  await directory.writeDigests(digests);
  await directory.markClean(digests);
  await announceVersion(ports, decodeManifest(merge.manifest.key, digests.manifest, merge.manifest.sha256));
  await tidy(ports, collection, merge);
  const { commitId, snapshotBytes } = merge;
  return { collection, version: 1, commitId, records, space, snapshotBytes, uploadedBytes: uploadedBytes(merge) };
}

/**
 * Check for a history, so that callers know before they copy anything.
 * @throws CollectionExistsError, InvalidInputError (no name would lead to it), and those of the pointer
 */
export async function refuseHistory(ports: Pick<Ports, 'store' | 'statuses'>, collection: string): Promise<void> {
  await refuseUnreachable(ports, collection);
  try {
    const { pointer } = await readOwnPointer(ports, collection);
    if (pointer.version > 0) throw hasHistory(pointer);
  } catch (error) {
    if (!(error instanceof CollectionNotFoundError)) throw error;
  }
}

function hasHistory({ collection, version }: Pointer): CollectionExistsError {
  return new CollectionExistsError(
    `"${collection}" is at version ${version} already. An import makes version 1: use another name.`,
  );
}

interface Checked {
  space: Space;
  engine: EngineStamp;
}

/** A fault in the copy is a fault in the source: the engine identifies itself first, so it is known to work. */
async function checkDirectory(ports: Ports, request: ImportRequest): Promise<Checked> {
  const { name, version } = await ports.engine.identify();
  const { source, directory } = request;
  try {
    // A server may die for an unrelated reason; if it dies twice, the directory is to blame.
    const { space, migrations } = await compare(ports, request).catch((error: unknown) => {
      if (!(error instanceof EngineUnavailableError)) throw error;
      return compare(ports, request);
    });
    return { space, engine: { name, version, migrations } };
  } catch (error) {
    throw OF_THIS_MACHINE.some((kind) => error instanceof kind)
      ? error
      : blameSource(source, directory.path, error as Error);
  }
}

/** The files and a running engine must agree on what is in them. */
async function compare(ports: Ports, { collection, directory, records, dimension }: ImportRequest) {
  const session = await ports.engine.open(directory);
  let space: Space;
  let counted: number;
  try {
    space = await session.measureSpace(collection);
    await session.useCollection(collection, { space, dimension });
    counted = await session.count();
    if (counted === records) await readBack(session, { collection, dimension, records });
  } finally {
    await session.close();
  }
  const report = await ports.engine.inspect(directory, collection, { thorough: true });
  if (counted === records && report.records === records) return { space, migrations: report.migrations };
  throw new MergeVerificationError(
    `Its database has ${records} records, of which the engine counts ${counted}, and finds ${report.records} once it has closed the files.`,
  );
}

async function publish(ports: Ports, { pointer, etag }: CurrentVersion, merge: SealedCommit['merge'], actor: string) {
  const { collection, token } = pointer;
  const { commitId, manifest, records } = merge;
  try {
    const next = { commitId, manifest, records, execution: actor, token: token + 1, what: 'import' };
    await publishVersion(ports, { ...pointer, etag }, next);
  } catch (cause) {
    if (!(cause instanceof PointerMovedError)) throw cause;
    throw new PointerMovedError(
      `Another commit to "${collection}" came first, so that it has a history now. Import under another name.`,
      { cause },
    );
  }
}

/** Moves the files into the cache, as SyncEfs does. The cache may forget anything, so a failure costs nothing. */
async function tidy(ports: Ports, collection: string, { commitId, manifest, pack }: SealedCommit['merge']) {
  try {
    if (pack !== null) await ports.cache.adopt(collection, commitId, STAGED.pack, pack.key);
    await ports.cache.adopt(collection, commitId, STAGED.manifest, manifest.key);
    await ports.cache.discardStaged(collection, commitId);
  } catch (error) {
    ports.telemetry.warn('The import could not be moved into the cache.', { collection, reason: String(error) });
  }
}
