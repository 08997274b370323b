/** The versions of a collection, newest first, each verified by its child. */
import { CorruptObjectError, InvalidInputError } from '../errors/errors.ts';
import { type LoadedManifest, loadManifest, type ReadPorts } from './load-manifest.ts';
import { readPointer } from './read-pointer.ts';
import { walkAncestry } from './walk-ancestry.ts';

/**
 * From the current version down to `retainedFrom`: below it, garbage collection may have been. It may also come by during
 * the walk: what it has let go of since is no damage, and the walk ends there.
 * @throws CorruptObjectError (a retained manifest is missing or damaged)
 */
export async function* walkVersions(ports: ReadPorts, collection: string): AsyncGenerator<LoadedManifest> {
  for (;;) {
    const { pointer } = await readPointer(ports, collection);
    let next = pointer.version;
    try {
      const newest = await loadManifest(ports, pointer.manifest);
      for await (const loaded of walkAncestry(collection, newest, pointer.retainedFrom, (ref) =>
        loadManifest(ports, ref),
      )) {
        next = loaded.manifest.version - 1;
        yield loaded;
      }
      return;
    } catch (error) {
      if (!(error instanceof CorruptObjectError)) throw error;
      const { retainedFrom } = (await readPointer(ports, collection)).pointer;
      if (next >= retainedFrom) throw error;
      // If nothing has been given yet, even the version that was current is history: start over.
      if (next < pointer.version) return;
    }
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
