/** The versions of a collection, newest first, each verified by its child. */
import { CorruptObjectError, InvalidInputError } from '../protocol/errors.ts';
import type { ManifestRef } from '../snapshot/manifest.ts';
import { type LoadedManifest, loadManifest, type ReadPorts, readPointer } from './read-pointer.ts';

/**
 * From the current version down to `retainedFrom`: below it, garbage collection may have been.
 * @throws CorruptObjectError (a retained manifest is missing or damaged)
 */
export async function* walkVersions(ports: ReadPorts, collection: string): AsyncGenerator<LoadedManifest> {
  const { pointer } = await readPointer(ports, collection);
  for (let ref: ManifestRef | null = pointer.manifest; ref !== null; ) {
    const loaded: LoadedManifest = await loadManifest(ports, ref);
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
