/** Makes the manifest of the next version from its base and the changes of a merge. */
import { contentDigest, type FileDigests } from './blocks.ts';
import type { Run } from './changes.ts';
import { totalLength } from './changes.ts';
import { weave } from './diff.ts';
import type { Extent } from './frames.ts';
import type { LedgerEntry } from './ledger.ts';
import { numberedMark } from './log-number.ts';
import {
  childAncestry,
  type EngineStamp,
  type Manifest,
  type ManifestRef,
  type Pack,
  type SnapshotFile,
} from './manifest.ts';

/** A file after the merge, compared with its base. */
export interface ScannedFile {
  path: string;
  digests: FileDigests;
  changed: Run[];
}

/** Decompressed bytes that changed. */
export function changedBytes(files: readonly ScannedFile[]): number {
  return files.reduce((sum, file) => sum + totalLength(file.changed), 0);
}

export interface CommitContent {
  commitId: string;
  files: readonly ScannedFile[];
  /** The commit's own pack and where its extents lie, by path. */
  pack: Pack | undefined;
  extents: ReadonlyMap<string, readonly Extent[]>;
  engine: EngineStamp | null;
  records: number;
  ledger: LedgerEntry[];
}

export function nextManifest(base: Manifest, baseRef: ManifestRef, content: CommitContent): Manifest {
  const baseFiles = new Map(base.files.map((file) => [file.path, file]));
  const files = content.files.map((file): SnapshotFile => {
    const fresh = content.extents.get(file.path) ?? [];
    const kept = baseFiles.get(file.path)?.extents ?? [];
    const { size } = file.digests;
    return { path: file.path, size, digest: contentDigest(file.digests), extents: weave(kept, fresh, size) };
  });
  const used = new Set(files.flatMap((file) => file.extents.map((extent) => extent.frame.packKey)));
  const packs = content.pack === undefined ? base.packs : [...base.packs, content.pack];
  return {
    collection: base.collection,
    version: base.version + 1,
    commitId: content.commitId,
    parent: baseRef,
    ancestry: childAncestry(base),
    space: base.space,
    dimension: base.dimension,
    engine: content.engine,
    records: content.records,
    files,
    packs: packs.filter((pack) => used.has(pack.key)),
    ledger: content.ledger,
    ...numberedMark(base.numbered, content.ledger),
    ...(base.schema !== undefined && { schema: base.schema }),
  };
}
