/** Lambda behind MergeDeltas: the one that runs Chroma. */
import { makeHandler } from './runtime/handler.ts';
import { mergeDeltas } from './steps/merge-deltas.ts';

export const handler = makeHandler(mergeDeltas);
