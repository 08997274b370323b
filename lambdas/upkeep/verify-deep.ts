/** Proves that one or all retained versions can be read whole: every byte of every pack, every file, every database. */

import { CorruptObjectError, ObjectNotFoundError } from '../errors/errors.ts';
import { hashObject } from '../objects/hash-object.ts';
import type { Ports, WorkingDirectory } from '../ports.ts';
import { liveBytes, type Pack } from '../snapshot/manifest.ts';
import { hydrate } from '../versions/hydrate.ts';
import { walkVersions } from '../versions/walk-versions.ts';
import { NO_CACHE, type Verification } from './verify-version.ts';

export interface DeepVerification {
  collection: string;
  /** Newest first. */
  versions: Verification[];
  packs: number;
  packBytes: number;
}

/**
 * Reads the store alone, never the cache. Each version is built from the one before it, so that shared parts are
 * fetched once, and each is checked whole: files by digest, the database by SQLite's quick check, the vector index by
 * its structure and against the database, and records by their number.
 * @param version Verify only this one. Default: all retained ones.
 * @param report Called with a description of each step before it begins.
 * @throws CorruptObjectError, DirtyDirectoryError, DiskFullError
 */
export async function verifyDeep(
  ports: Ports,
  collection: string,
  version?: number,
  report: (text: string) => void = () => {},
): Promise<DeepVerification> {
  const fromStore = { store: ports.store, codec: ports.codec, telemetry: ports.telemetry, cache: NO_CACHE };
  const packs = new Map<string, Pack>();
  const versions: Verification[] = [];
  let directory: WorkingDirectory | undefined;
  let room = 0;
  try {
    for await (const loaded of walkVersions(fromStore, collection)) {
      const { manifest } = loaded;
      if (version !== undefined && manifest.version !== version) continue;
      for (const pack of manifest.packs) {
        if (packs.has(pack.key)) continue;
        report(`version ${manifest.version}: ${pack.key}`);
        await verifyPack(ports, pack);
        packs.set(pack.key, pack);
      }
      report(`version ${manifest.version}: files and records`);
      const bytes = liveBytes(manifest.files);
      // Claiming makes room for the newest version; if an older one is larger, the directory is claimed again.
      if (directory === undefined || bytes > room) {
        await directory?.release();
        directory = undefined;
        directory = await ports.directories.claim(collection, bytes);
        room = bytes;
        await directory.clear();
      }
      await hydrate(fromStore, directory, loaded);
      const { records } = await ports.engine.inspect(directory, collection, { thorough: true });
      if (records !== manifest.records) {
        throw new CorruptObjectError(
          `Version ${manifest.version} of "${collection}" holds ${records} records, its manifest says ${manifest.records}. ` +
            'Roll back to another version.',
        );
      }
      const { files } = manifest;
      const counts = { files: files.length, bytes, packs: manifest.packs.length };
      versions.push({ version: manifest.version, records, ...counts });
    }
  } finally {
    await directory?.release();
  }
  const packBytes = [...packs.values()].reduce((sum, pack) => sum + pack.size, 0);
  return { collection, versions, packs: packs.size, packBytes };
}

async function verifyPack(ports: Ports, pack: Pack): Promise<void> {
  try {
    const info = await ports.store.head(pack.key);
    const actual = info.size === pack.size ? await hashObject(ports, info) : `that of ${info.size} bytes`;
    if (actual === pack.sha256) return;
    throw new CorruptObjectError(
      `Pack "${pack.key}" (${pack.size} bytes) does not have the SHA-256 that its manifests state. Restore a bucket version.`,
    );
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError)) throw error;
    throw new CorruptObjectError(`Pack "${pack.key}" is missing. Restore it from a bucket version.`, { cause: error });
  }
}
