/** Lambda on a schedule: collects the garbage of one collection, or of all. */
import { makeHandler } from './runtime/handler.ts';
import { collectAllGarbage } from './upkeep/collect-garbage.ts';

export const handler = makeHandler(collectAllGarbage);
