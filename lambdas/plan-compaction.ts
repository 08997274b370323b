/** Lambda behind the state PlanCompaction: decides what a round does. */

import { planCompaction } from './compaction/plan-compaction.ts';
import { makeHandler } from './runtime/handler.ts';

export const handler = makeHandler(planCompaction);
