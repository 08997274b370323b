/** Lambda behind DiscardUpload: proof, deletion, backoff. */

import { discardUpload } from './compaction/discard-upload.ts';
import { makeHandler } from './runtime/handler.ts';

export const handler = makeHandler(discardUpload);
