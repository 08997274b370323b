/** Lambda behind SwapPointer: publishes a version. */

import { swapPointer } from './compaction/swap-pointer.ts';
import { makeHandler } from './runtime/handler.ts';

export const handler = makeHandler(swapPointer);
