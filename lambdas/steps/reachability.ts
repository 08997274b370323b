/** What the retained versions of a collection need, found by walking from the pointer. */
import type { Ports } from '../ports.ts';
import { CorruptObjectError } from '../protocol/errors.ts';
import type { Pointer } from '../protocol/pointer.ts';
import { manifestKey } from '../snapshot/keys.ts';
import type { CommitRef, ManifestRef } from '../snapshot/manifest.ts';
import { type LoadedManifest, loadManifest, loadUnvouched } from './read-pointer.ts';
import { mapLimit } from './waits.ts';

/** Manifests that are read at once, and how large they may be together, as stored. */
const PARALLEL = 32;
const PARALLEL_BYTES = 32 * 1024 * 1024;

/** A version and the objects that it is made of. */
export interface RetainedVersion extends CommitRef {
  manifest: string;
  /** Of the manifest, hex. */
  sha256: string;
  packs: string[];
  parent: ManifestRef | null;
}

/**
 * Versions by the key of their manifest: a second walk, after the pointer has moved, reads only what is new. Some may
 * have been read ahead of the walk, and are what they seem only when a child gives their SHA-256.
 */
export type KnownVersions = Map<string, RetainedVersion>;

/**
 * From the current version down to `retainedFrom`, newest first, each verified by its child, and read many at a time
 * ahead of that. The last one's parent may be gone. Reads the store, never the cache: a manifest that only the cache
 * still has is a manifest lost.
 * @throws CorruptObjectError (a manifest is missing, damaged, or not where the walk expects it)
 */
export async function walkRetained(
  ports: Pick<Ports, 'store'>,
  pointer: Pointer,
  known: KnownVersions,
): Promise<RetainedVersion[]> {
  if (pointer.retainedFrom > pointer.version) throw astray(pointer, 'even the current version is not retained');
  const versions: RetainedVersion[] = [];
  let ref: ManifestRef | null = pointer.manifest;
  for (let version = pointer.version; version >= pointer.retainedFrom; version--) {
    if (ref === null) throw astray(pointer, `version ${version + 1} has no parent`);
    let found = known.get(ref.key);
    if (found?.sha256 !== ref.sha256) {
      const loaded = await loadManifest({ store: ports.store }, ref);
      found = retained(loaded);
      if (loaded.manifest.collection !== pointer.collection) {
        throw astray(pointer, `"${ref.key}" belongs to "${loaded.manifest.collection}"`);
      }
      known.set(ref.key, found);
      await loadAncestors(ports, loaded, pointer.retainedFrom, known);
    }
    if (found.version !== version) {
      throw astray(pointer, `"${ref.key}" is version ${found.version} in the place of ${version}`);
    }
    if (version === pointer.version && found.commitId !== pointer.commitId) {
      throw astray(pointer, `"${ref.key}" is of commit ${found.commitId}, not ${pointer.commitId}`);
    }
    versions.push(found);
    ref = found.parent;
  }
  return versions;
}

/**
 * Read the versions that a manifest names as its ancestors, many at a time, since the walk is going to ask for them. The
 * names are a hint: whatever cannot be read, or is not what its key says, is left to the walk, which judges it.
 */
async function loadAncestors(
  ports: Pick<Ports, 'store'>,
  { manifest, bytes }: LoadedManifest,
  retainedFrom: number,
  known: KnownVersions,
): Promise<void> {
  const ahead = manifest.ancestry
    .filter(({ version }) => version >= retainedFrom)
    .map((ref) => ({ ...ref, key: manifestKey(manifest.collection, ref.version, ref.commitId) }))
    .filter(({ key }) => !known.has(key));
  // Neighbours have about the same size.
  const atOnce = Math.max(1, Math.min(PARALLEL, Math.floor(PARALLEL_BYTES / bytes.length)));
  await mapLimit(ahead, atOnce, async ({ key, version, commitId }) => {
    const loaded = await loadUnvouched(ports, key).catch(() => undefined);
    const found = loaded?.manifest;
    if (loaded === undefined || found?.collection !== manifest.collection) return;
    if (found.version === version && found.commitId === commitId) known.set(key, retained(loaded));
  });
}

/** What is kept of a manifest: it may be megabytes, and there may be thousands. */
function retained({ ref, manifest: { version, commitId, parent, packs } }: LoadedManifest): RetainedVersion {
  return { version, commitId, parent, manifest: ref.key, sha256: ref.sha256, packs: packs.map((pack) => pack.key) };
}

/** Keys of all that versions from `retainedFrom` on are made of. */
export function reachableKeys(versions: readonly RetainedVersion[], retainedFrom: number): Set<string> {
  const kept = versions.filter(({ version }) => version >= retainedFrom);
  return new Set(kept.flatMap(({ manifest, packs }) => [manifest, ...packs]));
}

function astray({ collection, version, retainedFrom }: Pointer, what: string): CorruptObjectError {
  return new CorruptObjectError(
    `The versions of "${collection}" cannot be walked from ${version} to ${retainedFrom}: ${what}. Nothing was ` +
      'deleted. Restore the manifests from bucket versions.',
  );
}
