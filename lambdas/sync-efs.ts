/** Lambda behind SyncEfs: staging to the cache. */

import { syncEfs } from './compaction/sync-efs.ts';
import { makeHandler } from './runtime/handler.ts';

export const handler = makeHandler(syncEfs);
