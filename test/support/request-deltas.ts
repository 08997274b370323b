/** Deltas of requests, written and read whole. */
import { InvalidInputError } from '../../lambdas/errors/errors.ts';
import { textOf } from '../../lambdas/snapshot/delta.ts';
import {
  encodeRequest,
  isRequestDelta,
  joinRequests,
  type LoggedRequest,
  requestsIn,
} from '../../lambdas/snapshot/request-delta.ts';

/** @throws InvalidInputError (a body that is no request of its kind) */
export function encodeRequests(requests: readonly LoggedRequest[], id?: string): Uint8Array {
  return joinRequests(
    requests.map((request) => encodeRequest(request)),
    id,
  );
}

/** @throws InvalidInputError (it is none, or a line of it) */
export function decodeRequests(body: Uint8Array): LoggedRequest[] {
  const text = textOf(body);
  if ('rejections' in text || !isRequestDelta(text))
    throw new InvalidInputError('This delta holds no requests: its first line does not say so.');
  return [...requestsIn(text)].map((found) => {
    if ('reason' in found) throw new InvalidInputError(`Line ${found.line} of the delta: ${found.reason}`);
    return { op: found.op, body: found.body };
  });
}
