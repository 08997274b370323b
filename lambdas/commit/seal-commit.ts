/** Turns a merged directory into a pack and a manifest, sealed into staging. */
import type { Merge } from '../../statemachine/contract.ts';
import type { Ports, Settings, Staging, WorkingDirectory } from '../ports.ts';
import { refuse, successionViolations } from '../protocol/invariants.ts';
import type { DirectoryDigests } from '../snapshot/blocks.ts';
import { changedBytes, nextManifest, type ScannedFile } from '../snapshot/commit.ts';
import { manifestKey, packKey } from '../snapshot/keys.ts';
import type { LedgerEntry } from '../snapshot/ledger.ts';
import { type EngineStamp, encodeManifest, liveBytes } from '../snapshot/manifest.ts';
import { PackBuilder } from '../snapshot/pack.ts';
import { defragmented, withRewrites } from '../snapshot/rewrite.ts';
import type { LoadedManifest } from '../versions/load-manifest.ts';
import { CompressionLine } from './compression-line.ts';

/** Names of the files of a commit in staging. */
export const STAGED = { pack: 'pack', manifest: 'manifest' } as const;

export interface SealInput {
  base: LoadedManifest;
  /** Every file of the directory, compared with the base. */
  scanned: readonly ScannedFile[];
  /** Is the layout what the commit is for? */
  defragment?: boolean;
  engine: EngineStamp | null;
  records: number;
  ledger: LedgerEntry[];
}

export interface SealedCommit {
  merge: Pick<
    Merge,
    'commitId' | 'manifest' | 'manifestBytes' | 'pack' | 'records' | 'changedBytes' | 'snapshotBytes' | 'rewrittenBytes'
  >;
  /** Digests of the directory as it is now, which is what the manifest describes. */
  digests: DirectoryDigests;
}

/** @throws CacheUnwritableError, InvariantViolatedError */
export async function sealCommit(
  ports: Pick<Ports, 'cache' | 'codec' | 'ids'> & { settings?: Pick<Settings, 'scale'> },
  directory: WorkingDirectory,
  input: SealInput,
): Promise<SealedCommit> {
  const { base } = input;
  const { collection } = base.manifest;
  // A new id for every invocation: a zombie and its retry must never write under one key.
  const commitId = ports.ids.ulid();
  const { scanned } = input;
  const files = input.defragment
    ? defragmented(base.manifest, scanned)
    : withRewrites(base.manifest, scanned, ports.settings?.scale);
  const builder = new PackBuilder(packKey(collection, commitId, 0));
  const staging = await ports.cache.stage(collection, commitId);
  try {
    await appendChanges(ports, staging, directory, files, builder);
    const { pack, extents } = builder.finish();
    const manifest = nextManifest(base.manifest, base.ref, { ...input, commitId, files, pack, extents });
    refuse(`Commit ${commitId} of "${collection}" was not sealed`, successionViolations(base.manifest, manifest));
    const { bytes, sha256 } = encodeManifest(manifest);
    await staging.append(STAGED.manifest, bytes);
    await staging.seal();
    const key = manifestKey(collection, manifest.version, commitId);
    return {
      merge: {
        commitId,
        manifest: { key, sha256 },
        manifestBytes: bytes.length,
        pack: pack === undefined ? null : { key: pack.key, size: pack.size, sha256: pack.sha256 },
        records: input.records,
        changedBytes: changedBytes(scanned),
        snapshotBytes: liveBytes(manifest.files),
        rewrittenBytes: changedBytes(files) - changedBytes(scanned),
      },
      digests: {
        manifestKey: key,
        manifestSha256: sha256,
        manifest: bytes,
        files: new Map(files.map((file) => [file.path, file.digests])),
      },
    };
  } catch (error) {
    await staging.abandon();
    throw error;
  }
}

async function appendChanges(
  { codec }: Pick<Ports, 'codec'>,
  staging: Staging,
  directory: WorkingDirectory,
  files: readonly ScannedFile[],
  builder: PackBuilder,
): Promise<void> {
  const line = new CompressionLine(codec, builder, (stored) => staging.append(STAGED.pack, stored));
  try {
    for (const { path, changed } of files) {
      if (changed.length === 0) continue;
      for await (const { offset, bytes } of directory.readRuns(path, changed)) {
        for (const frame of builder.add(path, offset, bytes)) await line.push(frame);
      }
    }
    for (const frame of builder.flush()) await line.push(frame);
  } finally {
    await line.end();
  }
}
