/** UploadSnapshot: uploads to the store what MergeDeltas sealed. */
import type { CompactionState } from '../../statemachine/contract.ts';
import { uploadedBytes, uploadStaged } from '../commit/upload-staged.ts';
import { StagingLostError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import { METRICS } from '../protocol/metrics.ts';
import { withHeartbeat } from './heartbeat.ts';

/** @throws StagingLostError, KeyCollisionError, CorruptObjectError, StoreUnavailableError */
export async function uploadSnapshot(ports: Ports, state: CompactionState): Promise<CompactionState> {
  const { collection, merge } = state;
  if (merge === null) throw new StagingLostError(`There is no merge of "${collection}" to upload. Plan again.`);
  return withHeartbeat(ports, state, async () => {
    await uploadStaged(ports, collection, merge);
    ports.telemetry.metric(METRICS.bytesUploaded, uploadedBytes(merge), { collection });
    return state;
  });
}
