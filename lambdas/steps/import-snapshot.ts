/**
 * Import: a directory that holds one collection becomes version 1 of it, by the blocks, packs and manifest of every other
 * commit, and the same compare-and-swap. No lock and no claim, as for a rollback: a commit that comes first wins.
 */
import type { Ports, Space, WorkingDirectory } from '../ports.ts';
import {
  CollectionExistsError,
  InvariantViolatedError,
  MergeVerificationError,
  PointerMovedError,
  SwapUnknownError,
} from '../protocol/errors.ts';
import { successionViolations, swapViolations } from '../protocol/invariants.ts';
import type { Pointer } from '../protocol/pointer.ts';
import type { DirectoryDigests } from '../snapshot/blocks.ts';
import { decodeManifest } from '../snapshot/manifest.ts';
import { announceVersion } from './announce-commits.ts';
import { createCollection } from './create-collection.ts';
import { publishPointer } from './publish-pointer.ts';
import { type CurrentVersion, loadCurrent } from './read-pointer.ts';
import { type SealedCommit, STAGED, scan, sealCommit } from './seal-commit.ts';
import { uploadStaged } from './upload-snapshot.ts';

export interface ImportRequest {
  collection: string;
  /** At rest, with the collection under its name and nothing else in it. Marked clean when it is published. */
  directory: WorkingDirectory;
  space: Space;
  dimension: number;
  /** That it must hold, by its database and by the engine. */
  records: number;
  /** Who imports, for the pointer's record. */
  actor: string;
}

export interface Imported {
  collection: string;
  version: number;
  commitId: string;
  records: number;
  snapshotBytes: number;
  uploadedBytes: number;
}

const NOTHING: DirectoryDigests = {
  manifestKey: '',
  manifestSha256: '',
  manifest: new Uint8Array(),
  files: new Map(),
};

/**
 * Creates the collection if it does not exist. Deltas that wait for it are merged on top of the import.
 * @throws CollectionExistsError (it has a history, or another shape), MergeVerificationError (the engine does not find
 * what it should), DirtyDirectoryError, PointerMovedError (another commit came first), SwapUnknownError,
 * InvariantViolatedError, StoreUnavailableError, CacheUnwritableError
 */
export async function importSnapshot(ports: Ports, request: ImportRequest): Promise<Imported> {
  const { collection, directory, space, dimension, actor } = request;
  await createCollection(ports, { collection, dimension, space, creator: actor });
  const base = await loadCurrent(ports, collection);
  if (base.manifest.version > 0) {
    throw new CollectionExistsError(
      `"${collection}" is at version ${base.manifest.version} already. An import makes version 1: use another name.`,
    );
  }
  const engine = await checkDirectory(ports, request);
  const { records } = request;
  const { ledger } = base.manifest;
  const scanned = await scan(directory, NOTHING);
  const sealed = await sealCommit(ports, directory, { base, scanned, engine, records, ledger });
  const { merge, digests } = sealed;
  await uploadStaged(ports, collection, merge);
  await publish(ports, base, sealed, actor);
  await directory.writeDigests(digests);
  await directory.markClean(digests);
  await announceVersion(ports, decodeManifest(merge.manifest.key, digests.manifest, merge.manifest.sha256));
  await tidy(ports, collection, merge);
  const { commitId, snapshotBytes } = merge;
  const uploadedBytes = merge.manifestBytes + (merge.pack?.size ?? 0);
  return { collection, version: 1, commitId, records, snapshotBytes, uploadedBytes };
}

/** The files and a running engine must agree on what is in them. */
async function checkDirectory(ports: Ports, { collection, directory, records, space, dimension }: ImportRequest) {
  const { name, version } = await ports.engine.identify();
  const session = await ports.engine.open(directory);
  let counted: number;
  try {
    await session.useCollection(collection, { space, dimension });
    counted = await session.count();
  } finally {
    await session.close();
  }
  const report = await ports.engine.inspect(directory, collection);
  if (counted === records && report.records === records) return { name, version, migrations: report.migrations };
  throw new MergeVerificationError(
    `The directory to import as "${collection}" should hold ${records} records; the engine counts ${counted}, its ` +
      `files ${report.records}. Nothing was published.`,
  );
}

async function publish(ports: Ports, base: CurrentVersion, { merge, digests }: SealedCommit, actor: string) {
  const { pointer, etag } = base;
  const { commitId, records } = merge;
  const next: Pointer = {
    ...pointer,
    ...{ version: pointer.version + 1, commitId, manifest: merge.manifest, records },
    // No lock was acquired; what counts is that it rises.
    token: pointer.token + 1,
    committedAt: new Date(ports.clock.now()).toISOString(),
    execution: actor,
  };
  const manifest = decodeManifest(merge.manifest.key, digests.manifest, merge.manifest.sha256);
  const violations = [...swapViolations(pointer, next), ...successionViolations(base.manifest, manifest)];
  if (violations.length > 0) {
    throw new InvariantViolatedError(`"${pointer.collection}" was not imported: ${violations.join('; ')}.`);
  }
  const outcome = await publishPointer(ports, { baseVersion: pointer.version, baseEtag: etag, commitId }, next);
  if (outcome === 'conflict') {
    throw new PointerMovedError(
      `Another commit to "${pointer.collection}" came first, so that it has a history now. Import under another name.`,
    );
  }
  if (outcome === 'unknown') {
    throw new SwapUnknownError(
      `Nobody can say whether import ${commitId} of "${pointer.collection}" landed. See: compactor versions ${pointer.collection}.`,
    );
  }
}

/** Into the cache, as SyncEfs does it; the cache may forget anything, so a failure costs nothing. */
async function tidy(ports: Ports, collection: string, { commitId, manifest, pack }: SealedCommit['merge']) {
  try {
    if (pack !== null) await ports.cache.adopt(collection, commitId, STAGED.pack, pack.key);
    await ports.cache.adopt(collection, commitId, STAGED.manifest, manifest.key);
    await ports.cache.discardStaged(collection, commitId);
  } catch (error) {
    ports.telemetry.warn('The import could not be moved into the cache.', { collection, reason: String(error) });
  }
}
