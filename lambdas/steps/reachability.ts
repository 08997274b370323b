/** What the retained versions of a collection need, found by walking from the pointer. */
import type { Ports } from '../ports.ts';
import { CorruptObjectError } from '../protocol/errors.ts';
import type { Pointer } from '../protocol/pointer.ts';
import type { CommitRef, ManifestRef } from '../snapshot/manifest.ts';
import { loadManifest } from './read-pointer.ts';

/** A version and the objects that it is made of. */
export interface RetainedVersion extends CommitRef {
  manifest: string;
  packs: string[];
  parent: ManifestRef | null;
}

/** Versions by the SHA-256 of their manifest: a second walk, after the pointer has moved, reads only what is new. */
export type KnownVersions = Map<string, RetainedVersion>;

/**
 * From the current version down to `retainedFrom`, newest first, each verified by its child. The last one's parent may
 * be gone. Reads the store, never the cache: a manifest that only the cache still has is a manifest lost.
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
    const found: RetainedVersion = known.get(ref.sha256) ?? (await load(ports, ref, pointer));
    if (found.version !== version) {
      throw astray(pointer, `"${ref.key}" is version ${found.version} in the place of ${version}`);
    }
    if (version === pointer.version && found.commitId !== pointer.commitId) {
      throw astray(pointer, `"${ref.key}" is of commit ${found.commitId}, not ${pointer.commitId}`);
    }
    known.set(ref.sha256, found);
    versions.push(found);
    ref = found.parent;
  }
  return versions;
}

async function load(ports: Pick<Ports, 'store'>, ref: ManifestRef, pointer: Pointer): Promise<RetainedVersion> {
  const { manifest } = await loadManifest({ store: ports.store }, ref);
  const { collection, version, commitId, parent } = manifest;
  if (collection !== pointer.collection) throw astray(pointer, `"${ref.key}" belongs to "${collection}"`);
  return { version, commitId, parent, manifest: ref.key, packs: manifest.packs.map((pack) => pack.key) };
}

/** Keys of all that versions from `retainedFrom` on are made of. */
export function reachableKeys(versions: readonly RetainedVersion[], retainedFrom: number): Set<string> {
  const retained = versions.filter(({ version }) => version >= retainedFrom);
  return new Set(retained.flatMap(({ manifest, packs }) => [manifest, ...packs]));
}

function astray({ collection, version, retainedFrom }: Pointer, what: string): CorruptObjectError {
  return new CorruptObjectError(
    `The versions of "${collection}" cannot be walked from ${version} to ${retainedFrom}: ${what}. Nothing was ` +
      'deleted. Restore the manifests from bucket versions.',
  );
}
