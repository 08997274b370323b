/** Who may ask: whoever sends the token, as Chroma's own token authentication has it. */
import { hash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { refusal, toResponse } from './replies.ts';

/** As Chroma's own: what tells a client, or a load balancer, that somebody is there. */
const OPEN = ['/api/v2', '/api/v2/heartbeat', '/api/v2/version', '/api/v1', '/api/v1/heartbeat', '/api/v1/version'];
/** Before the token in `Authorization`. */
const SCHEME = 'Bearer ';

export interface TokenSource {
  /**
   * Is it the token? One that is not may have become it a moment ago: a source that remembers looks again.
   * @throws SecretUnavailableError (nobody can say)
   */
  accepts(isToken: (token: string) => boolean): Promise<boolean>;
}

/** The one token that there is, e.g. of a file. */
export function fixedToken(token: string): TokenSource {
  return { accepts: async (isToken) => isToken(token) };
}

/** Refuses whoever does not send the token, before anything of the request's body is read. */
export function requireToken(source: TokenSource): MiddlewareHandler {
  return async ({ req }, next) => {
    if (req.method === 'GET' && OPEN.includes(req.path)) return next();
    const sent = sentBy(req.raw.headers);
    const isAccepted = sent.length > 0 && (await source.accepts((token) => isAmong(sent, token)));
    return isAccepted ? next() : toResponse(refusal(403, 'AuthError', 'Forbidden'));
  };
}

/** `TokenAuthClientProvider` sends the one or the other; proxies may add theirs. */
function sentBy(headers: Headers): string[] {
  const authorization = headers.get('authorization') ?? '';
  const bearer = authorization.startsWith(SCHEME) ? authorization.slice(SCHEME.length) : undefined;
  return [headers.get('x-chroma-token'), bearer].flatMap((token) => token?.trim() || []);
}

/** In a time that tells nothing of the token: digests have one length, and all of them are compared. */
function isAmong(sent: readonly string[], token: string): boolean {
  const wanted = hash('sha256', token, 'buffer');
  return sent.map((one) => timingSafeEqual(hash('sha256', one, 'buffer'), wanted)).includes(true);
}
