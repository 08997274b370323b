/**
 * Makes a working directory hold exactly one version. Cold hydrate, refresh, and repair of a directory that an
 * interrupted or losing merge left behind are one procedure: find what differs, fetch that, verify, mark clean.
 */

import { CorruptObjectError, DirtyDirectoryError } from '../errors/errors.ts';
import type { PlacedBytes, WorkingDirectory } from '../ports.ts';
import {
  BLOCK_SIZE,
  blockCount,
  blockDigests,
  contentDigest,
  DIGEST_SIZE,
  type DirectoryDigests,
  type FileDigests,
} from '../snapshot/blocks.ts';
import { type Run, totalLength } from '../snapshot/changes.ts';
import { diff, slice, type Write } from '../snapshot/diff.ts';
import type { Extent, Frame } from '../snapshot/frames.ts';
import { decodeManifest, type Manifest } from '../snapshot/manifest.ts';
import { type FetchCounts, type FetchPorts, fetchFrames } from './fetch-frames.ts';
import type { LoadedManifest } from './load-manifest.ts';
import { type Damage, isDamaged, rescan, warnOfDamage } from './rescan.ts';

export interface Hydration extends FetchCounts {
  /** `warm`: nothing to do. `refresh`: from a clean directory. `repair`: from a dirty one. `cold`: from nothing. */
  from: 'warm' | 'refresh' | 'repair' | 'cold';
  /** Bytes written to files. */
  writtenBytes: number;
  digests: DirectoryDigests;
}

export interface HydrateOptions {
  /**
   * Compare every block of a clean directory with its digests before it is used, and repair what is damaged. A merge
   * does this while the engine starts instead (`startRescan`).
   */
  rescan?: boolean;
}

/** Share of a file beyond which reading all of it is cheaper than reading range by range. */
const MOSTLY = 0.25;

/**
 * @throws CorruptObjectError (a frame, or a file once assembled, is not what the manifest says)
 */
export async function hydrate(
  ports: FetchPorts,
  directory: WorkingDirectory,
  target: LoadedManifest,
  options: HydrateOptions = {},
): Promise<Hydration> {
  const known = await directory.readDigests();
  const marker = await directory.readMarker();
  const isMarked = known !== undefined && marker?.manifestSha256 === known.manifestSha256;
  const isBroken = isMarked && options.rescan === true && (await isDamaged(directory, known));
  if (isBroken) warnOfDamage(ports.telemetry, directory);
  const isClean = isMarked && !isBroken;
  if (isClean && known.manifestSha256 === target.ref.sha256) {
    return { from: 'warm', writtenBytes: 0, storeBytes: 0, storeRequests: 0, cacheBytes: 0, digests: known };
  }
  if (known !== undefined) {
    try {
      return await patch(ports, directory, known, isClean ? 'refresh' : 'repair', target);
    } catch (error) {
      if (!(error instanceof CorruptObjectError) && !(error instanceof DirtyDirectoryError)) throw error;
      // Either the store is damaged, which the cold hydrate will report, or the digests of the directory were wrong.
      ports.telemetry.warn('A working directory could not be patched; it is rebuilt.', { reason: error.message });
    }
  }
  await directory.clear();
  const nothing: DirectoryDigests = {
    manifestKey: '',
    manifestSha256: '',
    manifest: new Uint8Array(),
    files: new Map(),
  };
  return patch(ports, directory, nothing, 'cold', target);
}

async function patch(
  ports: FetchPorts,
  directory: WorkingDirectory,
  known: DirectoryDigests,
  from: 'refresh' | 'repair' | 'cold',
  { ref, manifest, bytes }: LoadedManifest,
): Promise<Hydration> {
  const base = from === 'cold' ? [] : decodeManifest(known.manifestKey, known.manifest, known.manifestSha256).files;
  await directory.markDirty();
  const damage = from === 'repair' ? await rescan(directory, known) : undefined;
  const changes = diff(base, manifest.files);
  const writes = damage === undefined ? changes.writes : withDamage(manifest, changes.writes, damage);
  const wanted = new Map(manifest.files.map((file) => [file.path, file.size]));
  const removes = damage === undefined ? changes.removes : [...damage.sizes.keys()].filter((path) => !wanted.has(path));
  for (const path of removes) await directory.remove(path);
  for (const { path, size } of damage === undefined ? changes.resizes : manifest.files) {
    if (damage === undefined || damage.sizes.get(path) !== size) await directory.resize(path, size);
  }
  const counts = await applyWrites(ports, directory, writes);
  const digests = await redigest(directory, known, manifest, writes);
  verify(manifest, digests);
  const complete = { manifestKey: ref.key, manifestSha256: ref.sha256, manifest: bytes, files: digests };
  await directory.writeDigests(complete);
  await directory.markClean({ manifestKey: ref.key, manifestSha256: ref.sha256 });
  return { from, ...counts, writtenBytes: totalLength(writes), digests: complete };
}

/** The writes of a diff, and every extent of the target where the directory does not match its digests. */
function withDamage(manifest: Manifest, writes: readonly Write[], damage: Damage): Write[] {
  const result: Write[] = [...writes];
  for (const { path, size, extents } of manifest.files) {
    const actual = damage.sizes.get(path) ?? 0;
    const runs = [...(damage.runs.get(path) ?? [])];
    // A rescan sees only the blocks that exist; whatever lies beyond the end of a shortened file is missing as well.
    const missingFrom = Math.floor(actual / BLOCK_SIZE) * BLOCK_SIZE;
    if (actual < size) runs.push({ offset: missingFrom, length: size - missingFrom });
    // Both lists are in file order: one walk over the two.
    for (let r = 0, e = 0; r < runs.length && e < extents.length; ) {
      const [run, extent] = [runs[r] as Run, extents[e] as Extent];
      const [runEnd, extentEnd] = [run.offset + run.length, extent.offset + extent.length];
      const [start, end] = [Math.max(run.offset, extent.offset), Math.min(runEnd, extentEnd)];
      if (start < end) result.push({ path, ...slice(extent, start, end) });
      if (extentEnd <= runEnd) e++;
      else r++;
    }
  }
  return result;
}

async function applyWrites(
  ports: FetchPorts,
  directory: WorkingDirectory,
  writes: readonly Write[],
): Promise<FetchCounts> {
  const byFrame = Map.groupBy(writes, idOf);
  const frames = [...byFrame.values()].flatMap(([first]) => first?.frame ?? []);
  return fetchFrames(ports, frames, async (opened) => {
    const byPath = new Map<string, PlacedBytes[]>();
    for (const { frame, raw } of opened) {
      for (const { path, offset, frameOffset, length } of byFrame.get(idOf({ frame })) ?? []) {
        const placed = byPath.get(path) ?? [];
        placed.push({ offset, bytes: raw.subarray(frameOffset, frameOffset + length) });
        byPath.set(path, placed);
      }
    }
    for (const [path, placed] of byPath) await directory.writeEach(path, placed);
  });
}

function idOf({ frame }: { frame: Frame }): string {
  return `${frame.packKey}@${frame.offset}`;
}

/** Digests after the writes: kept for untouched blocks, recomputed from the file for touched ones. */
async function redigest(
  directory: WorkingDirectory,
  known: DirectoryDigests,
  manifest: Manifest,
  writes: readonly Write[],
): Promise<Map<string, FileDigests>> {
  const touched = Map.groupBy(writes, (write) => write.path);
  const result = new Map<string, FileDigests>();
  for (const { path, size } of manifest.files) {
    const written = touched.get(path) ?? [];
    if (totalLength(written) > size * MOSTLY) result.set(path, await directory.digest(path));
    else {
      const blocks = new Uint8Array(blockCount(size) * DIGEST_SIZE);
      blocks.set(known.files.get(path)?.blocks.subarray(0, blocks.length) ?? []);
      for await (const { offset, bytes } of directory.readRuns(path, written)) {
        blocks.set(blockDigests(bytes), (offset / BLOCK_SIZE) * DIGEST_SIZE);
      }
      result.set(path, { size, blocks });
    }
  }
  return result;
}

function verify(manifest: Manifest, digests: ReadonlyMap<string, FileDigests>): void {
  for (const { path, digest } of manifest.files) {
    const actual = digests.get(path);
    if (actual !== undefined && contentDigest(actual) === digest) continue;
    throw new CorruptObjectError(
      `File "${path}" of collection "${manifest.collection}" version ${manifest.version} does not have the content ` +
        'that its manifest states. Roll back to another version, and keep the packs for inspection.',
    );
  }
}
