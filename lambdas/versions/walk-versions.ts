/** The versions of a collection, newest first, each verified by its child. */
import { CorruptObjectError, InvalidInputError } from '../errors/errors.ts';
import { type LoadedManifest, loadManifest, type ReadPorts } from './load-manifest.ts';
import { readPointer } from './read-pointer.ts';
import { walkAncestry } from './walk-ancestry.ts';

/**
 * From the current version down to `retainedFrom`: older ones may have been garbage-collected. Versions that are
 * collected during the walk are not damage; the walk ends there.
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
      // If nothing has been yielded yet, even the version that was current has been collected: start over.
      if (next < pointer.version) return;
    }
  }
}

/**
 * One version; the current one if no number is given.
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
