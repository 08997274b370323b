/** Lambda behind ReleaseAbandoned: frees what a dead execution holds. */
import { makeHandler } from './runtime/handler.ts';
import { releaseAbandoned } from './steps/release-abandoned.ts';

export const handler = makeHandler(releaseAbandoned);
