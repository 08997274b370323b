/** Who may ask: every client that sends the token, in the way of Chroma's own token authentication. */
import { hash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { refusal, toResponse } from './replies.ts';

/** The same paths as in Chroma's own server: they tell a client or a load balancer that the server is up. */
const OPEN = ['/api/v2', '/api/v2/heartbeat', '/api/v2/version', '/api/v1', '/api/v1/heartbeat', '/api/v1/version'];
/** Precedes the token in `Authorization`. */
const SCHEME = 'Bearer ';

export interface TokenSource {
  /**
   * Is the given token the right one? The token may have been replaced a moment ago, so a source that caches it reads
   * it again before it says no.
   * @throws SecretUnavailableError (the token cannot be read)
   */
  accepts(isToken: (token: string) => boolean): Promise<boolean>;
}

/** A source with a single, unchanging token, e.g. from a file. */
export function fixedToken(token: string): TokenSource {
  return { accepts: async (isToken) => isToken(token) };
}

/** Refuses requests without the token before any of their body is read. */
export function requireToken(source: TokenSource): MiddlewareHandler {
  return async ({ req }, next) => {
    if (req.method === 'GET' && OPEN.includes(req.path)) return next();
    const sent = sentBy(req.raw.headers);
    const isAccepted = sent.length > 0 && (await source.accepts((token) => isAmong(sent, token)));
    return isAccepted ? next() : toResponse(refusal(403, 'AuthError', 'Forbidden'));
  };
}

/** `TokenAuthClientProvider` sends one or the other of these headers; proxies may add their own. */
function sentBy(headers: Headers): string[] {
  const authorization = headers.get('authorization') ?? '';
  const bearer = authorization.startsWith(SCHEME) ? authorization.slice(SCHEME.length) : undefined;
  return [headers.get('x-chroma-token'), bearer].flatMap((token) => token?.trim() || []);
}

/** Compares in constant time: digests all have the same length, and every one of them is compared. */
function isAmong(sent: readonly string[], token: string): boolean {
  const wanted = hash('sha256', token, 'buffer');
  return sent.map((one) => timingSafeEqual(hash('sha256', one, 'buffer'), wanted)).includes(true);
}
