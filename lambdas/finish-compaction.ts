/** Lambda behind FinishCompaction: statuses, inbox, and the release of the claim. */

import { finishCompaction } from './compaction/finish-compaction.ts';
import { makeHandler } from './runtime/handler.ts';

export const handler = makeHandler(finishCompaction);
