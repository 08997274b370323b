/** Lambda behind AcquireValidationLock and AcquireSwapLock; the phase is input. */
import { makeHandler } from './runtime/handler.ts';
import { acquireLock } from './steps/acquire-lock.ts';

export const handler = makeHandler(acquireLock);
