/** SyncEfs: moves what was staged into the cache. Nothing is copied, and a failure costs only a cache miss. */
import type { CompactionState } from '../../statemachine/contract.ts';
import { STAGED } from '../commit/seal-commit.ts';
import type { Ports } from '../ports.ts';
import { METRICS } from '../protocol/metrics.ts';

/** @throws StagingLostError, CacheUnwritableError */
export async function syncEfs(
  ports: Pick<Ports, 'cache' | 'telemetry'>,
  state: CompactionState,
): Promise<CompactionState> {
  const { collection, merge } = state;
  if (merge === null) return state;
  const { commitId, manifest, pack } = merge;
  if (pack !== null) await ports.cache.adopt(collection, commitId, STAGED.pack, pack.key);
  await ports.cache.adopt(collection, commitId, STAGED.manifest, manifest.key);
  await ports.cache.discardStaged(collection, commitId);
  ports.telemetry.metric(METRICS.cacheBytes, merge.manifestBytes + (pack?.size ?? 0), { collection });
  return state;
}
