/** Lambda behind the function URL of the endpoint: Chroma's HTTP API over the store. */
import { answerRequest } from './runtime/function-url.ts';
import { makeHandler } from './runtime/handler.ts';

export const handler = makeHandler(answerRequest);
