/** Lambda behind the queue of store notifications: starts one execution per collection in a batch. */
import { makeHandler } from './runtime/handler.ts';
import { startCompaction } from './triggers/start-compactions.ts';

export const handler = makeHandler(startCompaction);
