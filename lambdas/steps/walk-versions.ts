/** The versions of a collection, newest first, each verified by its child. */
import { CorruptObjectError, InvalidInputError } from '../protocol/errors.ts';
import type { ManifestRef } from '../snapshot/manifest.ts';
import { type LoadedManifest, loadManifest, type ReadPorts, readPointer } from './read-pointer.ts';

/**
 * From the current version down to `retainedFrom`: below it, garbage collection may have been. It may also come by during
 * the walk: what it has let go of since is no damage, and the walk ends there.
 * @throws CorruptObjectError (a retained manifest is missing or damaged)
 */
export async function* walkVersions(ports: ReadPorts, collection: string): AsyncGenerator<LoadedManifest> {
  let { pointer } = await readPointer(ports, collection);
  let ref: ManifestRef | null = pointer.manifest;
  for (let version = pointer.version; ref !== null; version--) {
    let loaded: LoadedManifest;
    try {
      loaded = await loadManifest(ports, ref);
    } catch (error) {
      if (!(error instanceof CorruptObjectError)) throw error;
      const before = pointer;
      pointer = (await readPointer(ports, collection)).pointer;
      if (version >= pointer.retainedFrom) throw error;
      if (version < before.version) return;
      // Nothing has been given yet, and even the version that was current is history.
      ref = pointer.manifest;
      version = pointer.version + 1;
      continue;
    }
    if (loaded.manifest.collection !== collection) {
      throw new CorruptObjectError(
        `Manifest "${ref.key}" belongs to "${loaded.manifest.collection}". Stop and inspect.`,
      );
    }
    yield loaded;
    ref = loaded.manifest.version > pointer.retainedFrom ? loaded.manifest.parent : null;
  }
}

/**
 * One version; the current one without a number.
 * @throws InvalidInputError (no such version is retained)
 */
export async function findVersion(ports: ReadPorts, collection: string, version?: number): Promise<LoadedManifest> {
  for await (const loaded of walkVersions(ports, collection)) {
    if (version === undefined || loaded.manifest.version === version) return loaded;
  }
  throw new InvalidInputError(
    `Version ${version} of "${collection}" is not retained. See: compactor versions ${collection}.`,
  );
}
