/**
 * Commits without a pack of their own: their files are those of existing versions. They take neither lock nor claim
 * (ADR 20).
 */
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
  /** The current version, which this one follows. */
  manifest: Manifest;
  /** What the new manifest is checked against: the current one, except for what is changed on purpose. */
  parent: Manifest;
  /** The operation, for messages: `rollback`. */
  what: string;
  /** Recorded in the pointer as the author. */
  actor: string;
}

/** @throws PointerMovedError (proven lost: the manifest is garbage), and everything that `publishVersion` throws */
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
 * Run `task` on the current version, and again on the new current version if the pointer moves meanwhile.
 * @param doing For the message: `to roll back`.
 * @throws PointerMovedError (every race was lost), and the errors of `task` and of reading the pointer
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
