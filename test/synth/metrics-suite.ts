/**
 * Every alarm and every widget reads what exists: the workflow runs with the telemetry of production, its embedded
 * metrics are captured from standard output, and each metric that an alarm or a widget names must be among them with
 * exactly its name, unit and dimensions.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { EngineUnavailableError, StoreUnavailableError } from '../../lambdas/protocol/errors.ts';
import { METRICS } from '../../lambdas/protocol/metrics.ts';
import { NAMESPACE, PowertoolsTelemetry } from '../../lambdas/runtime/telemetry.ts';
import { packKey } from '../../lambdas/snapshot/keys.ts';
import { collectAllGarbage } from '../../lambdas/steps/collect-garbage.ts';
import { throws } from '../support/faulty.ts';
import { COLLECTION, type MemoryPorts, submit } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { EXPIRY_MS, fence, INPUT, submitNumber, waitingPorts } from '../workflow/support.ts';
import { STACK, shown, synthesise } from './support.ts';

/** `name unit dimension,...`, dimensions in alphabetical order. */
type Emitted = string;

interface EmbeddedMetrics {
  _aws?: {
    CloudWatchMetrics: Array<{
      Namespace: string;
      Dimensions: string[][];
      Metrics: Array<{ Name: string; Unit: string }>;
    }>;
  };
  service?: string;
}

const emitted = new Set<Emitted>();
const series = (name: string, unit: string, dimensions: readonly string[]): Emitted =>
  `${name} ${unit} ${[...dimensions].sort().join(',')}`;

/** What is written to standard output while `task` runs. */
async function capture(task: () => Promise<unknown>): Promise<string> {
  let text = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += chunk;
    return true;
  });
  const warnings = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    await task();
  } finally {
    write.mockRestore();
    warnings.mockRestore();
  }
  return text;
}

async function playEverything(telemetry: PowertoolsTelemetry): Promise<void> {
  const reporting = async () => Object.assign(await waitingPorts(), { telemetry }) as unknown as MemoryPorts;
  const ports = await reporting();
  await submit(ports, 'bad', Buffer.from('not JSON\n'));
  await run(ports, INPUT);
  // The pointer moves before the swap; the engine fails once; a delta stays unreadable.
  const disturbed = await reporting();
  const moved = { on: 'locks.acquireLock', in: 'AcquireSwapLock', times: 1, before: () => fence(disturbed) };
  const broken = { on: 'engine.open', times: 1, before: throws(new EngineUnavailableError('planted')) };
  await run(disturbed, INPUT, { faults: [moved, broken] });
  const unreadable = await reporting();
  const refused = throws(new StoreUnavailableError('planted'));
  await run(unreadable, INPUT, {
    faults: [
      { on: 'store.get', in: 'MergeDeltas', when: ({ args }) => String(args[0]).endsWith('d-00003'), before: refused },
    ],
  });
  // After the plan the lock is held by another one, and then the claim.
  const contended = await reporting();
  const overtake = async () => {
    const request = { owner: 'arn:other', phase: 'validation', pointerToken: 10, now: contended.clock.now() } as const;
    const { token } = await contended.locks.acquireLock(COLLECTION, { ...request, durationMs: 1_000 });
    const holder = { owner: request.owner, token };
    await contended.locks.takeClaim(COLLECTION, { holder, now: request.now, durationMs: EXPIRY_MS });
  };
  await run(contended, INPUT, {
    faults: [{ on: 'locks.acquireLock', in: 'AcquireValidationLock', times: 1, before: overtake }],
  });
  // The bus takes no event.
  const unheard = await reporting();
  await run(unheard, INPUT, { faults: [{ on: 'announcer.announce', before: refused }] });
  // Garbage, and a collection whose garbage cannot be collected.
  await ports.store.putIfAbsent(packKey(COLLECTION, ports.ids.commitId(), 0), Buffer.from('orphan'));
  await submitNumber(ports, 9);
  await collectAllGarbage(ports, {});
  await ports.store.putIfAbsent('pointers/broken.json', Buffer.from('{}'));
  await collectAllGarbage(ports, {}).catch(() => undefined);
}

beforeAll(async () => {
  vi.stubEnv('POWERTOOLS_SERVICE_NAME', STACK);
  const text = await capture(() => playEverything(new PowertoolsTelemetry()));
  for (const line of text.split('\n').filter((written) => written.startsWith('{'))) {
    const { _aws, service } = JSON.parse(line) as EmbeddedMetrics;
    for (const { Namespace, Dimensions, Metrics } of _aws?.CloudWatchMetrics ?? []) {
      expect([Namespace, service]).toEqual([NAMESPACE, STACK]);
      for (const { Name, Unit } of Metrics) {
        for (const set of Dimensions) emitted.add(series(Name, Unit, set));
      }
    }
  }
});

const { ofType } = synthesise();

/** Metrics of AWS's own that are read, with the dimension by which each exists. */
const AWS_METRICS = new Set([
  'AWS/SQS ApproximateNumberOfMessagesVisible QueueName',
  'AWS/States ExecutionsFailed StateMachineArn',
  'AWS/States ExecutionsAborted StateMachineArn',
  'AWS/States ExecutionsTimedOut StateMachineArn',
  'AWS/Lambda Errors FunctionName',
]);

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
    expect(ofType('AWS::CloudWatch::Alarm')).toHaveLength(11);
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
