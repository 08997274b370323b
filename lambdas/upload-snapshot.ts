/** Lambda behind UploadSnapshot: staging to the store. */
import { makeHandler } from './runtime/handler.ts';
import { uploadSnapshot } from './steps/upload-snapshot.ts';

export const handler = makeHandler(uploadSnapshot);
