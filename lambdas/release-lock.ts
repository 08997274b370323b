/** Lambda behind the three ReleaseLock states. */
import { makeHandler } from './runtime/handler.ts';
import { releaseLock } from './steps/release-lock.ts';

export const handler = makeHandler(releaseLock);
