/**
 * Every alarm and every widget reads what exists: the workflow runs with the telemetry of production, its embedded
 * metrics are captured from standard output, and each metric that an alarm or a widget names must be among them with
 * exactly its name, unit and dimensions.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { METRICS, NAMESPACE } from '../../lambdas/protocol/metrics.ts';
import { AWS_METRICS, type Emitted, emittedMetrics, series } from './emitted-metrics.ts';
import { STACK, shown, synthesise } from './support.ts';

let emitted: Set<Emitted>;

beforeAll(async () => {
  emitted = await emittedMetrics(STACK);
});

const { ofType } = synthesise({ endpoint: true });

interface Read {
  by: string;
  namespace: string;
  name: string;
  unit: string | undefined;
  dimensions: Array<{ Name: string; Value: unknown }>;
}

/** Metrics that alarms read: directly, or inside an expression. */
const readByAlarms: Read[] = ofType('AWS::CloudWatch::Alarm').flatMap(([by, { Properties }]) => {
  // biome-ignore lint/suspicious/noExplicitAny: CloudFormation's two ways to write a metric.
  const stats: any[] = Properties.Metrics?.flatMap(({ MetricStat }: { MetricStat?: object }) => MetricStat ?? []) ?? [
    { Metric: Properties, Unit: Properties.Unit },
  ];
  return stats.map(({ Metric, Unit }) => ({
    by,
    namespace: Metric.Namespace,
    name: Metric.MetricName,
    unit: Unit,
    dimensions: Metric.Dimensions,
  }));
});

/** A widget's metrics are lists: namespace, name, and names and values of dimensions in turn, and options. */
type Row = Array<string | { expression?: string }>;
const dashboard = JSON.parse(shown(ofType('AWS::CloudWatch::Dashboard')[0]?.[1].Properties.DashboardBody)) as {
  widgets: Array<{ properties: { title: string; metrics?: Row[] } }>;
};
const rows = dashboard.widgets.flatMap(({ properties: { title, metrics = [] } }) =>
  metrics.map((row) => ({ title, row })),
);

describe('what is read exists', () => {
  it('for alarms, with name, unit and dimensions', () => {
    expect(ofType('AWS::CloudWatch::Alarm')).toHaveLength(21);
    expect(synthesise().ofType('AWS::CloudWatch::Alarm')).toHaveLength(17);
    expect(readByAlarms.length).toBeGreaterThan(12);
    for (const { by, namespace, name, unit, dimensions } of readByAlarms) {
      const names = dimensions.map((dimension) => dimension.Name);
      if (namespace !== NAMESPACE) expect(AWS_METRICS, by).toContain(`${namespace} ${name} ${names.join(',')}`);
      else expect([...emitted], by).toContain(series(name, unit ?? '', names));
      const service = dimensions.find((dimension) => dimension.Name === 'service');
      if (namespace === NAMESPACE) expect(service?.Value, by).toBe(STACK);
    }
  });

  it('for widgets, with name and dimensions', () => {
    expect(rows.length).toBeGreaterThan(20);
    for (const { title, row } of rows) {
      const [namespace, name, ...rest] = row;
      if (typeof namespace !== 'string') {
        const search = /^SEARCH\('\{(\w+),([\w,]+)\} MetricName="(\w+)" service="(\w+)"'/.exec(
          namespace?.expression ?? '',
        );
        const [, searched, dimensions = '', metric = '', stack] = search ?? [];
        expect([searched, stack], title).toEqual([NAMESPACE, STACK]);
        expect(namesAndDimensions(), title).toContain(`${metric} ${dimensions.split(',').sort().join(',')}`);
        continue;
      }
      expect(namespace, title).toBe(NAMESPACE);
      const dimensions = rest.filter((part, index) => typeof part === 'string' && index % 2 === 0) as string[];
      expect(namesAndDimensions(), title).toContain(`${name} ${dimensions.sort().join(',')}`);
    }
  });

  it('and what the steps emit is in the table of metrics, all of it emitted', () => {
    const names = (set: Iterable<string>) =>
      [...new Set(Array.from(set, (each) => each.split(' ').slice(0, 2).join(' ')))].sort();
    expect(names(emitted)).toEqual(names(Object.values(METRICS).map(({ name, unit }) => `${name} ${unit}`)));
  });

  it('and a metric has the dimension Phase exactly if the table says so', () => {
    const phased = Object.values(METRICS).filter(({ name, unit }) =>
      emitted.has(series(name, unit, ['service', 'Phase'])),
    );
    expect(phased.map(({ name }) => name)).toEqual(
      Object.values(METRICS).flatMap(({ name, byPhase }) => (byPhase ? name : [])),
    );
  });

  it('and a metric has the dimension Collection exactly if the table says so', () => {
    const ofCollections = Object.values(METRICS).filter(({ name, unit, byPhase }) =>
      emitted.has(series(name, unit, ['service', 'Collection', ...(byPhase ? ['Phase'] : [])])),
    );
    expect(ofCollections.map(({ name }) => name)).toEqual(
      Object.values(METRICS).flatMap(({ name, byCollection }) => (byCollection ? name : [])),
    );
  });

  it('and every alarm leads to its entry in the runbook', () => {
    const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
    const headings = new Set(Array.from(runbook.matchAll(/^## (\w+)$/gm), ([, title = '']) => title.toLowerCase()));
    for (const [id, { Properties }] of ofType('AWS::CloudWatch::Alarm')) {
      const anchor = /docs\/runbook\.md#(\w+)\.$/.exec(Properties.AlarmDescription)?.[1];
      expect(headings, id).toContain(anchor);
      expect(Properties.AlarmActions, id).toHaveLength(1);
    }
  });
});

function namesAndDimensions(): string[] {
  return Array.from(emitted, (each) =>
    each
      .split(' ')
      .filter((_, index) => index !== 1)
      .join(' '),
  );
}
