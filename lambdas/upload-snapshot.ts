/** Lambda behind UploadSnapshot: staging to the store. */

import { uploadSnapshot } from './compaction/upload-snapshot.ts';
import { makeHandler } from './runtime/handler.ts';

export const handler = makeHandler(uploadSnapshot);
