/** Lambda behind HandleFailure: releases what a failing execution holds. */

import { handleFailure } from './compaction/handle-failure.ts';
import { makeHandler } from './runtime/handler.ts';

export const handler = makeHandler(handleFailure);
