/** The answers that Chroma gives, in its words. Bodies are text, so that numbers stay exactly as they were written. */
import type { ApiAnswer } from '../ports.ts';
import type { Reflected } from '../serving/served-collection.ts';

const JSON_TYPE = 'application/json';
const NO_TRACE = '0'.repeat(32);

export function reply(status: number, body: string): ApiAnswer {
  return { status, body, contentType: body === '' ? undefined : JSON_TYPE };
}

export function ok(body = '{}'): ApiAnswer {
  return reply(200, body);
}

/**
 * @param error Its name: Python's client derives its exception from the name, the JavaScript client from the status.
 */
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

/** @param reflected Given for an answer that came from a copy. */
export function toResponse({ status, body, contentType }: ApiAnswer, reflected?: Reflected): Response {
  const headers = {
    ...(contentType !== undefined && { 'content-type': contentType }),
    // Chroma sends a trace id with each failure. Nothing is traced here, so the id is zero, as in a server without
    // tracing.
    ...(status >= 400 && { 'chroma-trace-id': NO_TRACE }),
    ...(reflected !== undefined && {
      'x-compactor-version': String(reflected.version ?? 0),
      'x-compactor-waiting': String(reflected.waiting.length),
    }),
  };
  // The server sends a plain object as it is. A body without a type gets one only from `Headers`.
  const isTyped = contentType !== undefined;
  return new Response(body === '' ? null : body, { status, headers: isTyped ? headers : new Headers(headers) });
}
