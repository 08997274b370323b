/** What stands before the routes: the check of the token, and an endpoint that may start with its first request. */
import { Hono } from 'hono';
import type { Telemetry } from '../ports.ts';
import { failureOf } from './app.ts';
import { requireToken, type TokenSource } from './token.ts';

export interface FrontOptions {
  /** The routes, once the endpoint is running. */
  app: () => Promise<Hono> | Hono;
  /** Default: no token is required. */
  token?: TokenSource | undefined;
  telemetry: Telemetry;
}

export function createFront({ app, token, telemetry }: FrontOptions): Hono {
  const front = new Hono();
  front.onError((error) => failureOf(error, telemetry));
  if (token !== undefined) front.use(requireToken(token));
  front.all('*', async ({ req, env }) => {
    const { fetch: answer } = await app();
    return answer(req.raw, env);
  });
  return front;
}
