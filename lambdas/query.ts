/** Lambda that answers queries from the current version; its container keeps the snapshot and refreshes it. */
import { makeHandler } from './runtime/handler.ts';
import { makeQuery } from './steps/query-snapshot.ts';

export const handler = makeHandler(makeQuery());
