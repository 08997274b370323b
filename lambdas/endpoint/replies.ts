/** What Chroma answers, in its words. Bodies are text, since numbers in them are what they are written as. */
import type { ApiAnswer } from '../ports.ts';
import type { Reflected } from '../serving/served-collection.ts';

const JSON_TYPE = 'application/json';

export function reply(status: number, body: string): ApiAnswer {
  return { status, body, contentType: body === '' ? undefined : JSON_TYPE };
}

export function ok(body = '{}'): ApiAnswer {
  return reply(200, body);
}

/** @param error Its name: Python's client makes an exception of it, the JavaScript client of the status. */
export function refusal(status: number, error: string, message: string): ApiAnswer {
  return reply(status, JSON.stringify({ error, message }));
}

export function invalid(message: string): ApiAnswer {
  return refusal(400, 'InvalidArgumentError', message);
}

export function notFound(what: string): ApiAnswer {
  return refusal(404, 'NotFoundError', what);
}

export function exists(what: string): ApiAnswer {
  return refusal(409, 'ChromaError', `${what} already exists`);
}

export function messageOf({ body }: ApiAnswer): string | undefined {
  try {
    const { message } = JSON.parse(body) as { message?: unknown };
    return typeof message === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}

/** @param reflected Of an answer that a copy gave. */
export function toResponse({ status, body, contentType }: ApiAnswer, reflected?: Reflected): Response {
  const headers = new Headers(contentType === undefined ? {} : { 'content-type': contentType });
  // Chroma names a trace with each failure; nothing is traced here, nor in a server that has no tracing.
  if (status >= 400) headers.set('chroma-trace-id', '0'.repeat(32));
  if (reflected !== undefined) {
    headers.set('x-compactor-version', String(reflected.version ?? 0));
    headers.set('x-compactor-waiting', String(reflected.waiting.length));
  }
  return new Response(body === '' ? null : body, { status, headers });
}
