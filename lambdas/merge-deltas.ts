/** Lambda behind MergeDeltas: the one that runs Chroma. */

import { mergeDeltas } from './compaction/merge-deltas.ts';
import { makeHandler } from './runtime/handler.ts';

export const handler = makeHandler(mergeDeltas);
