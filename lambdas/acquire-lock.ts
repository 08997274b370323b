/** Lambda behind AcquireValidationLock and AcquireSwapLock; the phase is input. */

import { acquireLock } from './compaction/acquire-lock.ts';
import { makeHandler } from './runtime/handler.ts';

export const handler = makeHandler(acquireLock);
