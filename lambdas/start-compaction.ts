/** Lambda behind the queue of the store's notifications: starts one execution per collection in a batch. */
import { makeHandler } from './runtime/handler.ts';
import { type QueueRecord, startCompactions } from './steps/start-compactions.ts';

export const handler = makeHandler((ports, { Records }: { Records: QueueRecord[] }) =>
  startCompactions(ports, Records),
);
