/** Lambda behind the state PlanCompaction: decides what a round does. */
import { makeHandler } from './runtime/handler.ts';
import { planCompaction } from './steps/plan-compaction.ts';

export const handler = makeHandler(planCompaction);
