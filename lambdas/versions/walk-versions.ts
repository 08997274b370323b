/** The versions of a collection, newest first, each verified by its child. */
import { CorruptObjectError, InvalidInputError } from '../errors/errors.ts';
import { type LoadedManifest, loadManifest, type ReadPorts } from './load-manifest.ts';
import { ReadAhead } from './read-ahead.ts';
import { readPointer } from './read-pointer.ts';
import { walkAncestry } from './walk-ancestry.ts';

/**
 * From the current version down to `retainedFrom`: older ones may have been garbage-collected. Versions that are
 * collected during the walk are not damage; the walk ends there. Manifests are read ahead, more of them the longer the
 * walk goes on.
 * @param oldest Go no further than this version, if it is above `retainedFrom`.
 * @throws CorruptObjectError (a retained manifest is missing or damaged)
 */
export async function* walkVersions(ports: ReadPorts, collection: string, oldest = 0): AsyncGenerator<LoadedManifest> {
  for (;;) {
    const { pointer } = await readPointer(ports, collection);
    let next = pointer.version;
    try {
      const newest = await loadManifest(ports, pointer.manifest);
      const floor = Math.max(pointer.retainedFrom, oldest);
      const ahead = new ReadAhead(ports, newest, { floor, first: 1 });
      for await (const loaded of walkAncestry(collection, newest, floor, (ref) => ahead.load(ref))) {
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
  for await (const loaded of walkVersions(ports, collection, version)) {
    if (version === undefined || loaded.manifest.version === version) return loaded;
  }
  throw new InvalidInputError(
    `Version ${version} of "${collection}" is not retained. See: compactor versions ${collection}.`,
  );
}
