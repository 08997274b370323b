/** All handlers by the name that the ASL files use in `${<name>Arn}`. */
import { handler as acquireLock } from './acquire-lock.ts';
import { handler as discardUpload } from './discard-upload.ts';
import { handler as finishCompaction } from './finish-compaction.ts';
import { handler as handleFailure } from './handle-failure.ts';
import { handler as mergeDeltas } from './merge-deltas.ts';
import { handler as planCompaction } from './plan-compaction.ts';
import { handler as releaseAbandoned } from './release-abandoned.ts';
import { handler as releaseLock } from './release-lock.ts';
import { handler as swapPointer } from './swap-pointer.ts';
import { handler as syncEfs } from './sync-efs.ts';
import { handler as uploadSnapshot } from './upload-snapshot.ts';
import { handler as validateCas } from './validate-cas.ts';

// biome-ignore lint/suspicious/noExplicitAny: each handler has its own input; the ASL file decides what it gets.
export const HANDLERS: Readonly<Record<string, (input: any) => Promise<unknown>>> = {
  PlanCompaction: planCompaction,
  AcquireLock: acquireLock,
  ValidateCas: validateCas,
  ReleaseLock: releaseLock,
  MergeDeltas: mergeDeltas,
  UploadSnapshot: uploadSnapshot,
  SwapPointer: swapPointer,
  SyncEfs: syncEfs,
  FinishCompaction: finishCompaction,
  DiscardUpload: discardUpload,
  HandleFailure: handleFailure,
  ReleaseAbandoned: releaseAbandoned,
};
