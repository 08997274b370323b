/**
 * Rollback: an ordinary commit whose files are those of an older version and whose ledger is the current one, so that
 * every delta stays decided. Nothing moves but a manifest and the pointer. No lock and no claim: ADR 20 says why.
 */
import type { Ports } from '../ports.ts';
import {
  CorruptObjectError,
  InvalidInputError,
  InvariantViolatedError,
  ObjectNotFoundError,
  PointerMovedError,
  SwapUnknownError,
} from '../protocol/errors.ts';
import { successionViolations, swapViolations } from '../protocol/invariants.ts';
import type { Pointer } from '../protocol/pointer.ts';
import { manifestKey } from '../snapshot/keys.ts';
import { encodeManifest, type ManifestRef } from '../snapshot/manifest.ts';
import { rollbackManifest } from '../snapshot/rollback.ts';
import { announceVersion } from './announce-commits.ts';
import { createOnce } from './create-once.ts';
import { publishPointer } from './publish-pointer.ts';
import { type CurrentVersion, isCurrent, type LoadedManifest, loadCurrent, loadManifest } from './read-pointer.ts';
import { jitteredWaitMs, mapLimit } from './waits.ts';

const ATTEMPTS = 10;
const PARALLEL = 8;

export interface RollbackRequest {
  collection: string;
  /** Whose content becomes current again. */
  version: number;
  /** Who rolls back, for the pointer's record. */
  actor: string;
}

export interface RolledBack {
  collection: string;
  /** That was made. */
  version: number;
  commitId: string;
  /** Whose content it has. */
  restored: number;
  /** That was current before. */
  replaced: number;
  records: number;
  /** Deltas of the versions in between: they stay decided, and their effect is gone. */
  undoneDeltas: number;
}

/**
 * When the pointer moves meanwhile, everything is done again on what is then current.
 * @throws InvalidInputError (no such version is retained, or it is the current one), CorruptObjectError (it cannot be
 * restored whole), PointerMovedError (every race was lost), SwapUnknownError, InvariantViolatedError,
 * StoreUnavailableError, and those of the pointer
 */
export async function rollback(ports: Ports, request: RollbackRequest): Promise<RolledBack> {
  const { collection } = request;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const current = await loadCurrent(ports, collection);
    checkTarget(current.pointer, request.version);
    try {
      const done = await tryRollback(ports, current, request);
      if (done !== undefined) return done;
    } catch (error) {
      // Garbage collection may have taken what was promised when the pointer was read: then it has moved since.
      if (!(error instanceof CorruptObjectError) || (await isCurrent(ports, collection, current.etag))) throw error;
    }
    await ports.clock.sleep(jitteredWaitMs(attempt, ports.ids.random()));
  }
  throw new PointerMovedError(
    `The pointer of "${collection}" moved in each of ${ATTEMPTS} attempts to roll back. Nothing was changed; try again.`,
  );
}

function checkTarget({ collection, version: current, retainedFrom }: Pointer, version: number): void {
  const isThere = Number.isSafeInteger(version) && version >= retainedFrom && version < current;
  if (isThere) return;
  const what = version === current ? 'is the current one' : `is not among ${retainedFrom} to ${current - 1}`;
  throw new InvalidInputError(
    `"${collection}" cannot be rolled back to version ${version}: it ${what}. See: compactor versions ${collection}.`,
  );
}

/** `undefined`: proven lost. The manifest that was made for it is garbage. */
async function tryRollback(
  ports: Ports,
  current: CurrentVersion,
  { collection, version, actor }: RollbackRequest,
): Promise<RolledBack | undefined> {
  const { target, undoneDeltas } = await findTarget(ports, current, version);
  await checkPacks(ports, target);
  const commitId = ports.ids.commitId();
  const manifest = rollbackManifest(current.manifest, current.ref, target.manifest, commitId);
  const { bytes, sha256 } = encodeManifest(manifest);
  const ref = { key: manifestKey(collection, manifest.version, commitId), sha256 };
  const { pointer, etag } = current;
  const next: Pointer = {
    ...pointer,
    ...{ version: manifest.version, commitId, manifest: ref, records: manifest.records },
    // No lock was acquired; what counts is that it rises.
    token: pointer.token + 1,
    committedAt: new Date(ports.clock.now()).toISOString(),
    execution: actor,
  };
  const violations = [...swapViolations(pointer, next), ...successionViolations(current.manifest, manifest)];
  if (violations.length > 0) {
    throw new InvariantViolatedError(`"${collection}" was not rolled back: ${violations.join('; ')}.`);
  }
  await createOnce(ports, ref.key, bytes, sha256);
  const outcome = await publishPointer(ports, { baseVersion: pointer.version, baseEtag: etag, commitId }, next);
  if (outcome === 'unknown') {
    throw new SwapUnknownError(
      `Nobody can say whether rollback ${commitId} of "${collection}" landed. See: compactor versions ${collection}.`,
    );
  }
  if (outcome === 'conflict') return undefined;
  const done = { collection, version: next.version, commitId, restored: version, replaced: pointer.version };
  ports.telemetry.info('Rolled back.', { ...done, undoneDeltas });
  await announceVersion(ports, manifest);
  return { ...done, records: next.records, undoneDeltas };
}

/** Down the ancestry, each version verified by its child. */
async function findTarget(
  ports: Ports,
  current: CurrentVersion,
  version: number,
): Promise<{ target: LoadedManifest; undoneDeltas: number }> {
  let undoneDeltas = 0;
  let loaded: LoadedManifest = current;
  while (loaded.manifest.version > version) {
    const { manifest } = loaded;
    undoneDeltas += manifest.ledger.filter((entry) => entry.version === manifest.version).length;
    loaded = await loadParent(ports, loaded);
  }
  return { target: loaded, undoneDeltas };
}

async function loadParent(ports: Ports, { ref, manifest }: LoadedManifest): Promise<LoadedManifest> {
  const parent: ManifestRef | null = manifest.parent;
  const loaded = parent === null ? undefined : await loadManifest(ports, parent);
  const isParent =
    loaded?.manifest.collection === manifest.collection && loaded.manifest.version === manifest.version - 1;
  if (loaded !== undefined && isParent) return loaded;
  throw new CorruptObjectError(
    `Manifest "${ref.key}" has no parent that is version ${manifest.version - 1} of "${manifest.collection}". ` +
      'Nothing was changed. Restore the manifests from bucket versions.',
  );
}

/** Fail closed: a version that cannot be read any more must not become the current one. */
async function checkPacks(ports: Ports, { manifest }: LoadedManifest): Promise<void> {
  await mapLimit(manifest.packs, PARALLEL, async (pack) => {
    const size = await sizeOf(ports, pack.key);
    if (size === pack.size) return;
    throw new CorruptObjectError(
      `Pack "${pack.key}" of version ${manifest.version} ${size === undefined ? 'is missing' : `has ${size} bytes, not ${pack.size}`}. ` +
        'Nothing was changed. Restore it from a bucket version, or roll back to another version.',
    );
  });
}

async function sizeOf(ports: Ports, key: string): Promise<number | undefined> {
  try {
    return (await ports.store.head(key)).size;
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}
