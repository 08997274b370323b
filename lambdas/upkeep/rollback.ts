/**
 * Rollback: an ordinary commit whose files are those of an older version and whose ledger is the current one, so that
 * every delta stays decided. Nothing moves but a manifest and the pointer. No lock and no claim: ADR 20 says why.
 */

import { onCurrentVersion, publishManifest } from '../commit/publish-manifest.ts';
import { mapLimit } from '../concurrency/map-limit.ts';
import { CorruptObjectError, InvalidInputError, ObjectNotFoundError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import type { Pointer } from '../protocol/pointer.ts';
import type { ManifestRef } from '../snapshot/manifest.ts';
import { rollbackManifest } from '../snapshot/rollback.ts';
import type { CurrentVersion } from '../versions/load-current.ts';
import type { LoadedManifest } from '../versions/load-manifest.ts';
import { ReadAhead } from '../versions/read-ahead.ts';
import { walkAncestry } from '../versions/walk-ancestry.ts';

const PARALLEL = 8;

export interface RollbackRequest {
  collection: string;
  /** The version whose content becomes current again. */
  version: number;
  /** Who rolls back, for the pointer's record. */
  actor: string;
}

export interface RolledBack {
  collection: string;
  /** The version that the rollback made. */
  version: number;
  commitId: string;
  /** The version whose content it has. */
  restored: number;
  /** The version that was current before. */
  replaced: number;
  records: number;
  /** Number of deltas decided by the versions in between: they stay decided, but their effect is gone. */
  undoneDeltas: number;
}

/**
 * If the pointer moves meanwhile, everything is repeated on the version that is then current.
 * @throws InvalidInputError (no such version is retained, or it is the current one), CorruptObjectError (it cannot be
 * restored whole), PointerMovedError (every race was lost), SwapUnknownError, InvariantViolatedError,
 * StoreUnavailableError, and those of the pointer
 */
export async function rollback(ports: Ports, request: RollbackRequest): Promise<RolledBack> {
  return onCurrentVersion(ports, request.collection, 'to roll back', async (current) => {
    checkTarget(current.pointer, request.version);
    return rollBackOnto(ports, current, request);
  });
}

function checkTarget({ collection, version: current, retainedFrom }: Pointer, version: number): void {
  const isThere = Number.isSafeInteger(version) && version >= retainedFrom && version < current;
  if (isThere) return;
  const what = version === current ? 'is the current one' : `is not among ${retainedFrom} to ${current - 1}`;
  throw new InvalidInputError(
    `"${collection}" cannot be rolled back to version ${version}: it ${what}. See: compactor versions ${collection}.`,
  );
}

async function rollBackOnto(
  ports: Ports,
  current: CurrentVersion,
  { collection, version, actor }: RollbackRequest,
): Promise<RolledBack> {
  const { target, undoneDeltas } = await findTarget(ports, current, version);
  await checkPacks(ports, target);
  const commitId = ports.ids.ulid();
  const manifest = rollbackManifest(current.manifest, current.ref, target.manifest, commitId);
  const next = await publishManifest(ports, current, { manifest, parent: current.manifest, what: 'rollback', actor });
  const done = { collection, version: next.version, commitId, restored: version, replaced: current.pointer.version };
  ports.telemetry.info('Rolled back.', { ...done, undoneDeltas });
  return { ...done, records: next.records, undoneDeltas };
}

async function findTarget(
  ports: Ports,
  current: CurrentVersion,
  version: number,
): Promise<{ target: LoadedManifest; undoneDeltas: number }> {
  let undoneDeltas = 0;
  let target: LoadedManifest = current;
  // Its floor is where it ends, so that whatever is read ahead is needed.
  const ahead = new ReadAhead(ports, current, { floor: version, first: Number.POSITIVE_INFINITY });
  const load = (ref: ManifestRef) => ahead.load(ref);
  for await (target of walkAncestry(current.manifest.collection, current as LoadedManifest, version, load)) {
    const { ledger, version: place } = target.manifest;
    if (place > version) undoneDeltas += ledger.filter((entry) => entry.version === place).length;
  }
  return { target, undoneDeltas };
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
