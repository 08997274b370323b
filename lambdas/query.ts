/** Lambda that answers queries from the current version; its container keeps the snapshot and refreshes it. */

import { makeJsonQuery } from './reader/query-snapshot.ts';
import { makeHandler } from './runtime/handler.ts';

export const handler = makeHandler(makeJsonQuery());
