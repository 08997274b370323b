/** Lambda that answers queries from the current version; its container keeps the snapshot up to date. */

import { makeJsonQuery } from './reader/query-snapshot.ts';
import { makeHandler } from './runtime/handler.ts';

export const handler = makeHandler(makeJsonQuery());
