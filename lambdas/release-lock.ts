/** Lambda behind the three ReleaseLock states. */

import { releaseLock } from './compaction/release-lock.ts';
import { makeHandler } from './runtime/handler.ts';

export const handler = makeHandler(releaseLock);
