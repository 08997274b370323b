/** What the retained versions of a collection need, found by walking from the pointer. */

import { mapLimit } from '../concurrency/map-limit.ts';
import { CorruptObjectError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import type { Pointer } from '../protocol/pointer.ts';
import { manifestKey } from '../snapshot/keys.ts';
import type { ManifestRef } from '../snapshot/manifest.ts';
import { checkIdentity } from '../versions/load-current.ts';
import { type LoadedManifest, loadManifest, loadUnvouched } from '../versions/load-manifest.ts';
import { type Placed, walkAncestry } from '../versions/walk-ancestry.ts';

/** How many manifests are read at once, and their maximum size together, in stored bytes. */
const PARALLEL = 32;
const PARALLEL_BYTES = 32 * 1024 * 1024;

/** A version and the objects that it is made of. */
export interface RetainedVersion extends Placed {
  packs: string[];
}

/**
 * Versions by the key of their manifest, so that a second walk, after the pointer has moved, reads only what is new.
 * Some may have been read ahead of the walk; they count only once a child confirms their SHA-256.
 */
export type KnownVersions = Map<string, RetainedVersion>;

/** The manifest of the current version, from the store. @throws CorruptObjectError */
export async function loadNewest(ports: Pick<Ports, 'store'>, pointer: Pointer): Promise<LoadedManifest> {
  if (pointer.retainedFrom > pointer.version) throw astray(pointer, 'even the current version is not retained');
  const newest = await loadManifest({ store: ports.store }, pointer.manifest);
  checkIdentity(pointer, newest);
  return newest;
}

/**
 * Versions from the current one down to `floor`, newest first, each verified by its child. Many are read at a time,
 * ahead of the walk. Reads the store, never the cache: a manifest that only the cache still has is lost. Reads nothing
 * below `floor`.
 * @param newest As `loadNewest` returns it.
 * @throws CorruptObjectError (a manifest is missing, damaged, or not where the walk expects it)
 */
export async function walkRetained(
  ports: Pick<Ports, 'store'>,
  { collection }: Pointer,
  newest: LoadedManifest,
  floor: number,
  known: KnownVersions,
): Promise<RetainedVersion[]> {
  const keep = async (loaded: LoadedManifest): Promise<RetainedVersion> => {
    const found = retained(loaded);
    known.set(loaded.ref.key, found);
    if (loaded.manifest.collection === collection) await loadAncestors(ports, loaded, floor, known);
    return found;
  };
  const load = async (ref: ManifestRef) => {
    const found = known.get(ref.key);
    return found?.ref.sha256 === ref.sha256 ? found : keep(await loadManifest({ store: ports.store }, ref));
  };
  const first = known.get(newest.ref.key);
  const begin = first?.ref.sha256 === newest.ref.sha256 ? first : await keep(newest);
  const versions: RetainedVersion[] = [];
  for await (const version of walkAncestry(collection, begin, floor, load)) versions.push(version);
  return versions;
}

/**
 * Read the versions that a manifest names as its ancestors, many at a time, since the walk will need them. The names
 * are only a hint: whatever cannot be read, or does not match its key, is left for the walk to judge.
 */
async function loadAncestors(
  ports: Pick<Ports, 'store'>,
  { manifest, bytes }: LoadedManifest,
  floor: number,
  known: KnownVersions,
): Promise<void> {
  const ahead = manifest.ancestry
    .filter(({ version }) => version >= floor)
    .map((ref) => ({ ...ref, key: manifestKey(manifest.collection, ref.version, ref.commitId) }))
    .filter(({ key }) => !known.has(key));
  // The manifests of neighbouring versions have about the same size.
  const atOnce = Math.max(1, Math.min(PARALLEL, Math.floor(PARALLEL_BYTES / bytes.length)));
  await mapLimit(ahead, atOnce, async ({ key, version, commitId }) => {
    const loaded = await loadUnvouched(ports, key).catch(() => undefined);
    const found = loaded?.manifest;
    if (loaded === undefined || found?.collection !== manifest.collection) return;
    if (found.version === version && found.commitId === commitId) known.set(key, retained(loaded));
  });
}

/** The part of a manifest that is kept in memory: it may have megabytes, and there may be thousands. */
function retained({
  ref,
  manifest: { collection, version, commitId, parent, packs },
}: LoadedManifest): RetainedVersion {
  return { ref, manifest: { collection, version, commitId, parent }, packs: packs.map((pack) => pack.key) };
}

/** Keys of all objects that these versions consist of. */
export function reachableKeys(versions: readonly RetainedVersion[]): Set<string> {
  return new Set(versions.flatMap(({ ref, packs }) => [ref.key, ...packs]));
}

function astray({ collection, version, retainedFrom }: Pointer, what: string): CorruptObjectError {
  return new CorruptObjectError(
    `The versions of "${collection}" cannot be walked from ${version} to ${retainedFrom}: ${what}. Nothing was ` +
      'deleted. Restore the manifests from bucket versions.',
  );
}
