/** Lambda behind HandleFailure: frees what a failing execution holds. */
import { makeHandler } from './runtime/handler.ts';
import { handleFailure } from './steps/handle-failure.ts';

export const handler = makeHandler(handleFailure);
