/** The metrics of requests about records, whichever part of the endpoint answers them. */
import type { MiddlewareHandler } from 'hono';
import type { Telemetry } from '../ports.ts';
import { METRICS } from '../protocol/metrics.ts';
import { isCollectionId } from '../snapshot/name-keys.ts';

/** @param nameOf Gives the name under which a collection is stored, from Chroma's id of it. */
export function measureRequests(telemetry: Telemetry, nameOf: (id: string) => string): MiddlewareHandler {
  return async (context, next) => {
    await next();
    const { status } = context.res;
    const id = (context.req.param('id') ?? '').toLowerCase();
    if (!isCollectionId(id)) return;
    const collection = nameOf(id);
    telemetry.metric(METRICS.endpointRequest, 1, { collection });
    if (status >= 500) telemetry.metric(METRICS.endpointFailure, 1, { collection });
    else if (status >= 400) telemetry.metric(METRICS.endpointRefusal, 1, { collection });
  };
}
