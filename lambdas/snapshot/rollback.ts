/** The manifest of a rollback: the files of an older version, on top of the current one. */
import { childAncestry, type Manifest, type ManifestRef } from './manifest.ts';

/**
 * The content is that of the target; the decisions and the place among the versions are those of the current version.
 * No entry of the ledger is removed, since inbox and statuses were not observed.
 */
export function rollbackManifest(
  current: Manifest,
  currentRef: ManifestRef,
  target: Manifest,
  commitId: string,
): Manifest {
  const { engine, records, files, packs } = target;
  return {
    collection: current.collection,
    version: current.version + 1,
    commitId,
    parent: currentRef,
    ancestry: childAncestry(current),
    space: current.space,
    dimension: current.dimension,
    engine,
    records,
    files,
    packs,
    ledger: current.ledger,
    // Like the ledger: a number stays decided, and is never used again.
    ...(current.numbered !== undefined && { numbered: current.numbered }),
    ...(current.schema !== undefined && { schema: current.schema }),
  };
}
