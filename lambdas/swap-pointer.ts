/** Lambda behind SwapPointer: publishes a version. */
import { makeHandler } from './runtime/handler.ts';
import { swapPointer } from './steps/swap-pointer.ts';

export const handler = makeHandler(swapPointer);
