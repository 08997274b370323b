/** Lambda on a schedule: starts an execution for every collection that has something left to do. */
import { makeHandler } from './runtime/handler.ts';
import { sweep } from './triggers/sweep-collections.ts';

export const handler = makeHandler(sweep);
