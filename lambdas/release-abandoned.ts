/** Lambda behind ReleaseAbandoned: releases what a dead execution holds. */

import { releaseAbandoned } from './compaction/release-abandoned.ts';
import { makeHandler } from './runtime/handler.ts';

export const handler = makeHandler(releaseAbandoned);
