/**
 * Metrics as the code emits them, read from its own table of names and units. Each is emitted for the whole stack, and
 * most also for their collection. Alarms read those of the stack: one alarm then covers every collection, future ones
 * included, and metric math, which alarms allow for plain metrics only, can divide one by another.
 */
import { Duration } from 'aws-cdk-lib';
import { Metric, type MetricProps, Unit } from 'aws-cdk-lib/aws-cloudwatch';
import { METRICS, NAMESPACE } from '../../lambdas/protocol/metrics.ts';

export type MetricName = keyof typeof METRICS;
export type LockPhase = 'validation' | 'swap';

const UNITS = {
  Count: Unit.COUNT,
  Milliseconds: Unit.MILLISECONDS,
  Seconds: Unit.SECONDS,
  Bytes: Unit.BYTES,
} as const;

export const PERIOD = Duration.minutes(5);

/** Over all collections of the stack; by phase for the metrics of the lock. */
export function stackMetric(
  stackName: string,
  name: MetricName,
  statistic: string,
  options: { phase?: LockPhase; label?: string } = {},
): Metric {
  const { name: metricName, unit } = METRICS[name];
  const { phase, label } = options;
  return new Metric({
    namespace: NAMESPACE,
    metricName,
    unit: UNITS[unit],
    statistic,
    period: PERIOD,
    dimensionsMap: { service: stackName, ...(phase === undefined ? {} : { Phase: phase }) },
    ...(label === undefined ? {} : { label }),
  });
}

/** One of AWS's own metrics. */
export function awsMetric(props: MetricProps & { statistic: string }): Metric {
  return new Metric({ period: PERIOD, ...props });
}

/** For widgets: one line per collection, looked up whenever the dashboard is shown. */
export function perCollection(stackName: string, name: MetricName, statistic: string): string {
  const schema = `{${NAMESPACE},Collection,service}`;
  return `SEARCH('${schema} MetricName="${METRICS[name].name}" service="${stackName}"', '${statistic}', 300)`;
}
