/** Commits over directories in memory: the same calls that MergeDeltas and hydration make, without stores and files. */
import fc from 'fast-check';
import { BLOCK_SIZE, type FileDigests } from '../../lambdas/snapshot/blocks.ts';
import { changedRuns } from '../../lambdas/snapshot/changes.ts';
import { nextManifest, type ScannedFile } from '../../lambdas/snapshot/commit.ts';
import type { SnapshotDiff } from '../../lambdas/snapshot/diff.ts';
import { isFrame, mismatch } from '../../lambdas/snapshot/frames.ts';
import { manifestKey, packKey } from '../../lambdas/snapshot/keys.ts';
import { decodeManifest, encodeManifest, type Manifest, type ManifestRef } from '../../lambdas/snapshot/manifest.ts';
import { PackBuilder } from '../../lambdas/snapshot/pack.ts';
import { withRewrites } from '../../lambdas/snapshot/rewrite.ts';
import { type Directory, type Edit, edited, edits, resized } from '../support/arbitraries.ts';
import { BlockDigester } from '../support/block-digester.ts';
import { decompressFrame } from '../support/memory-codec.ts';
import { placed } from '../support/placed.ts';

export interface Snapshot {
  /** Decoded from its stored bytes. */
  manifest: Manifest;
  ref: ManifestRef;
  digests: Map<string, FileDigests>;
  /** What the directory held. */
  files: Directory;
}
export interface Commit extends Snapshot {
  /** As compared with the base. */
  scanned: ScannedFile[];
  /** With what was written again. */
  written: ScannedFile[];
}

/** What a commit writes again: nothing, everything, or what the product's rule says. */
export type Rewrite = 'never' | 'always' | 'by rule';

const GENESIS: Manifest = {
  collection: 'docs',
  version: 0,
  commitId: id(0),
  parent: null,
  ancestry: [],
  space: 'l2',
  dimension: 2,
  engine: null,
  records: 0,
  files: [],
  packs: [],
  ledger: [],
};

/** All packs ever written, and the commits that wrote them. */
export class Chain {
  readonly packs = new Map<string, Buffer>();
  #commits = 0;

  empty(): Snapshot {
    return { ...stored(GENESIS), digests: new Map(), files: new Map() };
  }

  commit(base: Snapshot, files: Directory, rewrite: Rewrite = 'never'): Commit {
    const commitId = id(++this.#commits);
    const scanned = [...files].sort().map(([path, bytes]) => scan(path, bytes, base.digests.get(path)));
    const written = { never: scanned, always: wholly(scanned), 'by rule': withRewrites(base.manifest, scanned) }[
      rewrite
    ];
    const builder = new PackBuilder(packKey('docs', commitId, 0));
    const frames: Uint8Array[] = [];
    for (const { path, changed } of written) {
      for (const { offset, length } of changed) {
        const bytes = (files.get(path) as Buffer).subarray(offset, offset + length);
        frames.push(...placed(builder, builder.add(path, offset, bytes)));
      }
    }
    frames.push(...placed(builder, builder.flush()));
    const { pack, extents } = builder.finish();
    if (pack !== undefined) this.packs.set(pack.key, Buffer.concat(frames));
    const content = { commitId, files: scanned, pack, extents, engine: null, records: 0, ledger: [] };
    return {
      ...stored(nextManifest(base.manifest, base.ref, content)),
      digests: new Map(scanned.map((file) => [file.path, file.digests])),
      files,
      scanned,
      written,
    };
  }

  /** What hydration does with a directory. */
  apply(directory: Directory, { removes, resizes, writes }: SnapshotDiff): Directory {
    const next = new Map(directory);
    for (const path of removes) next.delete(path);
    for (const { path, size } of resizes) next.set(path, resized(next.get(path) ?? Buffer.alloc(0), size));
    const own = new Set<string>(resizes.map(({ path }) => path));
    for (const { path, offset, length, frame, frameOffset } of writes) {
      if (!own.has(path)) next.set(path, Buffer.from(next.get(path) as Buffer));
      own.add(path);
      const pack = this.packs.get(frame.packKey) as Buffer;
      const stored = pack.subarray(frame.offset, frame.offset + frame.length);
      if (!isFrame(frame, stored)) throw mismatch(frame, stored);
      const raw = decompressFrame(stored, frame.rawLength);
      next.get(path)?.set(raw.subarray(frameOffset, frameOffset + length), offset);
    }
    return next;
  }
}

/** What a few merges do, one after the other. */
export const history = fc.array(edits, { minLength: 1, maxLength: 4 });
export const RUNS = { numRuns: 150 };

/** The empty version 0, and one commit per list of edits. */
export function build(
  history: readonly Edit[][],
  rewrite: Rewrite = 'never',
): { chain: Chain; versions: [Snapshot, ...Commit[]] } {
  const chain = new Chain();
  const versions: [Snapshot, ...Commit[]] = [chain.empty()];
  for (const changes of history) {
    const base = versions.at(-1) as Snapshot;
    versions.push(chain.commit(base, edited(base.files, changes), rewrite));
  }
  return { chain, versions };
}

/** Each commit with its base. */
export function steps(versions: readonly [Snapshot, ...Commit[]]): Array<[Snapshot, Commit]> {
  const [, ...commits] = versions;
  return commits.map((commit, index) => [versions[index] as Snapshot, commit]);
}

function scan(path: string, bytes: Buffer, base: FileDigests | undefined): ScannedFile {
  const digester = new BlockDigester();
  for (let at = 0; at < bytes.length; at += 3 * BLOCK_SIZE) digester.push(bytes.subarray(at, at + 3 * BLOCK_SIZE));
  const digests = digester.finish();
  return { path, digests, changed: changedRuns(base, digests) };
}

/** The same files with everything counted as changed. */
export function wholly(files: readonly ScannedFile[]): ScannedFile[] {
  return files.map((file) => ({
    ...file,
    changed: file.digests.size === 0 ? [] : [{ offset: 0, length: file.digests.size }],
  }));
}

/** Only what survives being stored counts. */
function stored(manifest: Manifest): Pick<Snapshot, 'manifest' | 'ref'> {
  const { bytes, sha256 } = encodeManifest(manifest);
  const key = manifestKey(manifest.collection, manifest.version, manifest.commitId);
  return { manifest: decodeManifest(key, bytes, sha256), ref: { key, sha256 } };
}

function id(n: number): string {
  return String(n).padStart(26, '0');
}
