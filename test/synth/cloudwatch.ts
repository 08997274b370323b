/**
 * How CloudWatch judges an alarm of the template, minute by minute, by its documented rules: a period ends at any minute,
 * statistics are taken of the samples in it, an expression is worked out per period, and what is missing breaches
 * nothing (`TreatMissingData: notBreaching`, which every alarm here must have).
 */
export interface AlarmProperties {
  Threshold: number;
  EvaluationPeriods: number;
  DatapointsToAlarm?: number;
  ComparisonOperator: string;
  TreatMissingData: string;
  AlarmDescription: string;
  /** Seconds. */
  Period?: number;
  Statistic?: Statistic;
  Namespace?: string;
  MetricName?: string;
  Metrics?: Query[];
}

type Statistic = 'Sum' | 'Maximum';

interface Query {
  Id: string;
  Expression?: string;
  ReturnData?: boolean;
  MetricStat?: { Metric: { Namespace: string; MetricName: string }; Period: number; Stat: Statistic };
}

/** Minutes since any beginning, with what was measured in them. */
export type Samples = ReadonlyArray<readonly [minute: number, value: number]>;

/** What an alarm reads, by the id of an expression's variable, or by the metric's own name. */
interface Reading {
  id: string;
  name: string;
  namespace: string;
  periodSeconds: number;
  statistic: Statistic;
}

export function readingsOf(alarm: AlarmProperties): Reading[] {
  const { MetricName, Namespace = '', Period = 0, Statistic: statistic = 'Sum', Metrics = [] } = alarm;
  if (MetricName !== undefined) {
    return [{ id: MetricName, name: MetricName, namespace: Namespace, periodSeconds: Period, statistic }];
  }
  return Metrics.flatMap(({ Id, MetricStat }) =>
    MetricStat === undefined
      ? []
      : {
          id: Id,
          name: MetricStat.Metric.MetricName,
          namespace: MetricStat.Metric.Namespace,
          periodSeconds: MetricStat.Period,
          statistic: MetricStat.Stat,
        },
  );
}

/** Is it in alarm at that minute, with these samples by the metrics' names? */
export function isInAlarm(alarm: AlarmProperties, samples: Readonly<Record<string, Samples>>, minute: number): boolean {
  const { EvaluationPeriods: periods, DatapointsToAlarm = periods, Threshold } = alarm;
  const readings = readingsOf(alarm);
  const minutes = (readings[0]?.periodSeconds ?? 0) / 60;
  let breaching = 0;
  for (let period = 0; period < periods; period++) {
    const end = minute - period * minutes;
    const values = readings.map(({ id, name, statistic }): [string, number] => [
      id,
      statisticOf(statistic, samples[name] ?? [], end - minutes, end),
    ]);
    if (evaluated(alarm, Object.fromEntries(values)) > Threshold) breaching++;
  }
  return breaching >= DatapointsToAlarm;
}

/** Not a number: there is no sample in [from, to). */
function statisticOf(statistic: Statistic, samples: Samples, from: number, to: number): number {
  const inside = samples.filter(([minute]) => minute >= from && minute < to).map(([, value]) => value);
  if (inside.length === 0) return Number.NaN;
  return statistic === 'Maximum' ? Math.max(...inside) : inside.reduce((sum, value) => sum + value, 0);
}

/** Metric math is JavaScript but for its functions; whatever meets a missing value is missing. */
function evaluated({ Metrics = [], MetricName }: AlarmProperties, values: Record<string, number>): number {
  if (MetricName !== undefined) return values[MetricName] ?? Number.NaN;
  const [expression, ...others] = Metrics.flatMap(({ Expression }) => Expression ?? []);
  if (expression === undefined || others.length > 0) throw new Error('An alarm has other than one expression.');
  const present = Object.values(values).filter((value) => !Number.isNaN(value));
  const functions = {
    IF: (condition: boolean, then: number, otherwise: number) => (condition ? then : otherwise),
    FILL: (value: number, fallback: number) => (Number.isNaN(value) ? fallback : value),
    METRICS: () => present,
    SUM: (all: number[]) => (all.length === 0 ? Number.NaN : all.reduce((sum, value) => sum + value, 0)),
  };
  const names = [...Object.keys(functions), ...Object.keys(values)];
  const evaluate = new Function(...names, `return ${expression};`);
  return Number(evaluate(...Object.values(functions), ...Object.values(values)));
}
