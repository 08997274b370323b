/** Lambda behind FinishCompaction: statuses, inbox, and letting go of the claim. */

import { finishCompaction } from './compaction/finish-compaction.ts';
import { makeHandler } from './runtime/handler.ts';

export const handler = makeHandler(finishCompaction);
