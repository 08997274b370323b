/** What the retained versions of a collection need, found by walking from the pointer. */

import { CorruptObjectError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import type { Pointer } from '../protocol/pointer.ts';
import type { ManifestRef } from '../snapshot/manifest.ts';
import { checkIdentity } from '../versions/load-current.ts';
import { type LoadedManifest, loadManifest } from '../versions/load-manifest.ts';
import { ReadAhead } from '../versions/read-ahead.ts';
import { type Placed, walkAncestry } from '../versions/walk-ancestry.ts';

/** A version and the objects that it is made of. */
export interface RetainedVersion extends Placed {
  packs: string[];
}

/** Versions by the key of their manifest, so that a second walk, after the pointer has moved, reads only what is new. */
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
  const ahead = new ReadAhead({ store: ports.store }, newest, {
    floor,
    first: Number.POSITIVE_INFINITY,
    isKnown: (key) => known.has(key),
  });
  const keep = (loaded: LoadedManifest): RetainedVersion => {
    const found = retained(loaded);
    known.set(loaded.ref.key, found);
    return found;
  };
  const load = async (ref: ManifestRef) => {
    const found = known.get(ref.key);
    return found?.ref.sha256 === ref.sha256 ? found : keep(await ahead.load(ref));
  };
  const first = known.get(newest.ref.key);
  const begin = first?.ref.sha256 === newest.ref.sha256 ? first : keep(newest);
  const versions: RetainedVersion[] = [];
  for await (const version of walkAncestry(collection, begin, floor, load)) versions.push(version);
  return versions;
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
