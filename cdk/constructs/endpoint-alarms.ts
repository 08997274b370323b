/** Alarms of the endpoint, for stacks that have one. */
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { DeploymentConfig } from '../settings.ts';
import { ofFunction } from './alarm-metrics.ts';
import type { Alarms } from './alarms.ts';

/** Share of its timeout that a request may take. */
const LONG_REQUEST = 0.8;

export function addEndpointAlarms(alarms: Alarms, served: IFunction, config: DeploymentConfig): void {
  alarms.add('EndpointErrors', {
    what: 'The function of the endpoint crashed, or ran out of time or memory.',
    metric: ofFunction(served, 'Errors', 'Sum'),
  });
  alarms.add('EndpointFailures', {
    what: `More than ${config.endpointFailuresAlarm} requests to the endpoint were answered with 5xx in five minutes.`,
    metric: ofFunction(served, 'Url5xxCount', 'Sum'),
    above: config.endpointFailuresAlarm,
  });
  alarms.add('EndpointThrottles', {
    what: 'Lambda refused requests to the endpoint with 429: its concurrency, or that of the account, is used up.',
    metric: ofFunction(served, 'Throttles', 'Sum'),
    periods: 3,
  });
  alarms.add('EndpointDuration', {
    what: `A request to the endpoint took more than ${LONG_REQUEST * 100} % of the time that it may take.`,
    metric: ofFunction(served, 'Duration', 'Maximum'),
    above: LONG_REQUEST * config.endpointTimeoutSeconds * 1_000,
  });
}
