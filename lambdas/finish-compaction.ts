/** Lambda behind FinishCompaction: statuses, inbox, and letting go of the claim. */
import { makeHandler } from './runtime/handler.ts';
import { finishCompaction } from './steps/finish-compaction.ts';

export const handler = makeHandler(finishCompaction);
