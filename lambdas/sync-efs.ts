/** Lambda behind SyncEfs: staging to the cache. */
import { makeHandler } from './runtime/handler.ts';
import { syncEfs } from './steps/sync-efs.ts';

export const handler = makeHandler(syncEfs);
