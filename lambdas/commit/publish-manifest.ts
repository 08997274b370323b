/** Commits that bring no pack of their own: their files are those of versions that exist. No lock and no claim (ADR 20). */
import { retry } from '../concurrency/retry.ts';
import { PointerMovedError } from '../errors/errors.ts';
import { createOnce } from '../objects/create-once.ts';
import type { Ports } from '../ports.ts';
import { refuse, successionViolations } from '../protocol/invariants.ts';
import type { Pointer } from '../protocol/pointer.ts';
import { manifestKey } from '../snapshot/keys.ts';
import { encodeManifest, type Manifest } from '../snapshot/manifest.ts';
import { type CurrentVersion, loadCurrent } from '../versions/load-current.ts';
import { whileCurrent } from '../versions/while-current.ts';
import { announceVersion } from './announce-commits.ts';
import { publishVersion } from './publish.ts';

const ATTEMPTS = 10;

export interface Publication {
  /** On top of the current version. */
  manifest: Manifest;
  /** Which it must be a proper successor of: the current one, but for what is changed on purpose. */
  parent: Manifest;
  /** What is done, for messages: `rollback`. */
  what: string;
  /** Who does it, for the pointer's record. */
  actor: string;
}

/** @throws PointerMovedError (proven lost: the manifest is garbage), and all of `publishVersion` */
export async function publishManifest(
  ports: Ports,
  { pointer, etag }: CurrentVersion,
  { manifest, parent, what, actor }: Publication,
): Promise<Pointer> {
  const { collection, version, commitId, records } = manifest;
  refuse(`No ${what} of "${collection}" was published`, successionViolations(parent, manifest));
  const { bytes, sha256 } = encodeManifest(manifest);
  const ref = { key: manifestKey(collection, version, commitId), sha256 };
  await createOnce(ports, ref.key, bytes, sha256);
  const published = await publishVersion(
    ports,
    { ...pointer, etag },
    {
      ...{ commitId, manifest: ref, records, what },
      token: pointer.token + 1,
      execution: actor,
    },
  );
  await announceVersion(ports, manifest);
  return published;
}

/**
 * Run `task` on the current version; when the pointer moves meanwhile, again on what is then current.
 * @param doing For the message: `to roll back`.
 * @throws PointerMovedError (every race was lost), what `task` throws, and those of the pointer
 */
export async function onCurrentVersion<Result>(
  ports: Ports,
  collection: string,
  doing: string,
  task: (current: CurrentVersion) => Promise<Result>,
): Promise<Result> {
  const attempt = async () => {
    const current = await loadCurrent(ports, collection);
    return whileCurrent(ports, collection, current.etag, () => task(current));
  };
  try {
    return await retry(ports, ATTEMPTS, attempt, (error) => error instanceof PointerMovedError);
  } catch (cause) {
    if (!(cause instanceof PointerMovedError)) throw cause;
    throw new PointerMovedError(
      `The pointer of "${collection}" moved in each of ${ATTEMPTS} attempts ${doing}. Nothing was changed; try again.`,
      { cause },
    );
  }
}
