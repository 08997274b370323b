/** The one walk from child to parent. */
import { CorruptObjectError } from '../errors/errors.ts';
import type { Manifest, ManifestRef } from '../snapshot/manifest.ts';

/** A version and its place in the ancestry; `LoadedManifest` is one. */
export interface Placed {
  ref: ManifestRef;
  manifest: Pick<Manifest, 'collection' | 'version' | 'commitId' | 'parent'>;
}

/**
 * From a version down to `floor`, both included, newest first: each is named and verified by its child, and its number
 * is one below the child's. The parent of the last one is not loaded, since it may be gone.
 * @param load Verified against the reference, which holds the SHA-256.
 * @throws CorruptObjectError (a version is not where the walk expects it), and what `load` throws
 */
export async function* walkAncestry<Version extends Placed>(
  collection: string,
  newest: Version,
  floor: number,
  load: (ref: ManifestRef) => Promise<Version>,
): AsyncGenerator<Version> {
  let at = newest;
  for (let place = newest.manifest.version; ; place--) {
    checkPlace(collection, at, place);
    yield at;
    if (place <= floor) return;
    const { parent } = at.manifest;
    if (parent === null) throw astray(collection, `version ${place} has no parent`);
    at = await load(parent);
  }
}

function checkPlace(collection: string, { ref, manifest }: Placed, place: number): void {
  if (manifest.collection !== collection) {
    throw astray(collection, `"${ref.key}" belongs to "${manifest.collection}"`);
  }
  if (manifest.version !== place) {
    throw astray(collection, `"${ref.key}" is version ${manifest.version} in the place of ${place}`);
  }
}

function astray(collection: string, what: string): CorruptObjectError {
  return new CorruptObjectError(
    `The versions of "${collection}" cannot be walked: ${what}. Nothing was changed. Restore the manifests from bucket versions.`,
  );
}
