/** Proves that a version can be read whole: every frame, every file, and the database inside. */

import { mapLimit } from '../concurrency/map-limit.ts';
import { CorruptObjectError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import { liveBytes } from '../snapshot/manifest.ts';
import { hydrate } from '../versions/hydrate.ts';
import type { LoadedManifest } from '../versions/load-manifest.ts';

export interface Verification {
  version: number;
  records: number;
  files: number;
  bytes: number;
  packs: number;
}

/** A cache that is always empty, since it is the store that must be verified. */
export const NO_CACHE = { read: async () => undefined, evict: async () => {} };

/** Lookups of packs at once. */
const PARALLEL = 32;

/**
 * Hydrates from nothing, from the store alone, into a directory that is discarded afterwards.
 * @throws CorruptObjectError, DirtyDirectoryError, DiskFullError
 */
export async function verifyVersion(ports: Ports, loaded: LoadedManifest): Promise<Verification> {
  const { manifest } = loaded;
  await mapLimit(manifest.packs, PARALLEL, async (pack) => {
    const { size } = await ports.store.head(pack.key);
    if (size === pack.size) return;
    throw new CorruptObjectError(`Pack "${pack.key}" has ${size} bytes, not ${pack.size}. Restore a bucket version.`);
  });
  const directory = await ports.directories.claim(manifest.collection, liveBytes(manifest.files));
  try {
    await directory.clear();
    await hydrate({ ...ports, cache: NO_CACHE }, directory, loaded);
    const { records } = await ports.engine.inspect(directory, manifest.collection, { thorough: true });
    if (records !== manifest.records) {
      throw new CorruptObjectError(
        `Version ${manifest.version} of "${manifest.collection}" holds ${records} records, its manifest says ` +
          `${manifest.records}. Roll back to another version.`,
      );
    }
    const { version, files, packs } = manifest;
    return { version, records, files: files.length, bytes: liveBytes(files), packs: packs.length };
  } finally {
    await directory.release();
  }
}
