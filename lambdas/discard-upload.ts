/** Lambda behind DiscardUpload: proof, deletion, backoff. */
import { makeHandler } from './runtime/handler.ts';
import { discardUpload } from './steps/discard-upload.ts';

export const handler = makeHandler(discardUpload);
