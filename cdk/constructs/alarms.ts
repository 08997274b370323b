/** Alarms, each with an entry in docs/runbook.md that says what it means, where to look, and what to do. */
import { Alarm, ComparisonOperator, type IMetric, MathExpression, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { DeploymentConfig } from '../settings.ts';
import { timeoutOf, type Verb } from '../verbs.ts';
import { executions, minutes, ofFunction, waiting } from './alarm-metrics.ts';
import { makeTopic } from './alarm-topic.ts';
import type { Functions } from './functions.ts';
import type { Ingest } from './ingest.ts';
import { awsMetric, type LockPhase, PERIOD, stackMetric } from './metrics.ts';
import type { Workflow } from './workflow.ts';

/** Share of attempts that may meet a held lock, in per cent. */
const COLLISION_PERCENT = 10;
/** Fewer attempts than this in five minutes say nothing about a share. */
const LEAST_ATTEMPTS = 20;
/** Shares of their time-outs that a merge and a plan may take. */
const LONG_MERGE = 0.8;
const LONG_PLAN = 0.5;
/** CloudWatch lets an alarm read ten metrics: the functions that run in every commit, and those that start it. */
const THROTTLED: readonly Verb[] = [
  'StartCompaction',
  'Sweep',
  'PlanCompaction',
  'AcquireLock',
  'ValidateCas',
  'ReleaseLock',
  'MergeDeltas',
  'UploadSnapshot',
  'SwapPointer',
  'FinishCompaction',
];

export interface AlarmsProps {
  config: DeploymentConfig;
  functions: Functions;
  workflow: Workflow;
  ingest: Ingest;
}

export interface AlarmSpec {
  what: string;
  metric: IMetric;
  /** The alarm fires if the metric is above this value. Default: 0. */
  above?: number;
  /** Number of consecutive periods. Default: 1. */
  periods?: number;
}

export class Alarms extends Construct {
  readonly topic: ITopic;
  readonly all: Alarm[] = [];

  constructor(scope: Construct, id: string, { config, functions, workflow, ingest }: AlarmsProps) {
    super(scope, id);
    const { stackName } = config;
    this.topic = makeTopic(this, `${stackName} alarms`);
    if (config.alarmEmail !== undefined) this.topic.addSubscription(new EmailSubscription(config.alarmEmail));
    const { compaction, releaseAbandoned } = workflow;
    const count = (...[name, phase]: [Parameters<typeof stackMetric>[1], LockPhase?]) =>
      stackMetric(stackName, name, 'Sum', phase === undefined ? {} : { phase });

    for (const [name, phase] of [
      ['ValidationLockCollisions', 'validation'],
      ['SwapLockCollisions', 'swap'],
    ] as const) {
      const usingMetrics = { collisions: count('lockCollision', phase), attempts: count('lockAttempt', phase) };
      const expression = `IF(attempts >= ${LEAST_ATTEMPTS}, 100 * FILL(collisions, 0) / attempts, 0)`;
      this.add(name, {
        what: `More than ${COLLISION_PERCENT} % of the attempts at the ${phase} lock met a held one, for 15 minutes.`,
        metric: new MathExpression({ expression, usingMetrics, period: PERIOD, label: 'Collisions, % of attempts' }),
        above: COLLISION_PERCENT,
        periods: 3,
      });
    }
    this.add('PendingDeltaAge', {
      what: `A delta has waited for more than ${config.pendingAgeAlarmSeconds} s.`,
      // Measured when a round is planned. If only the sweep plans rounds, shorter periods would have no data.
      metric: stackMetric(stackName, 'pendingDeltaAge', 'Maximum').with({ period: minutes(2 * config.sweepMinutes) }),
      above: config.pendingAgeAlarmSeconds,
    });
    this.add('DeadLetters', {
      what: 'A notification could not be handled and lies in the queue of dead letters.',
      metric: waiting(ingest.deadLetters),
    });
    this.add('UndeliveredEvents', {
      what: 'An event about an execution that died could not be delivered.',
      metric: waiting(ingest.undelivered),
    });
    this.add('NotificationAge', {
      what: `A notification of a new delta has waited for more than ${config.pendingAgeAlarmSeconds} s.`,
      metric: awsMetric({
        namespace: 'AWS/SQS',
        metricName: 'ApproximateAgeOfOldestMessage',
        dimensionsMap: { QueueName: ingest.queue.queueName },
        statistic: 'Maximum',
      }),
      above: config.pendingAgeAlarmSeconds,
    });
    this.add('FailedExecutions', {
      what: `More than ${config.failedExecutionsAlarm} compactions failed in five minutes.`,
      metric: executions(compaction, 'ExecutionsFailed'),
      above: config.failedExecutionsAlarm,
    });
    this.add('AbandonedLocks', {
      what: 'A compaction ended without letting go of what it holds, or what it held could not be freed.',
      metric: new MathExpression({
        expression: 'SUM(METRICS())',
        label: 'Executions',
        period: PERIOD,
        usingMetrics: {
          aborted: executions(compaction, 'ExecutionsAborted'),
          timedOut: executions(compaction, 'ExecutionsTimedOut'),
          notReleased: executions(releaseAbandoned, 'ExecutionsFailed'),
          releaseTimedOut: executions(releaseAbandoned, 'ExecutionsTimedOut'),
        },
      }),
    });
    this.add('RejectedOperations', {
      what: `More than ${config.rejectedOperationsAlarm} operations were rejected in five minutes.`,
      metric: count('operationsRejected'),
      above: config.rejectedOperationsAlarm,
    });
    this.add('UnreadableDeltas', {
      what: 'A delta was passed over because it cannot be read.',
      metric: count('unreadableDelta'),
    });
    this.add('DeltasSetAside', {
      what: 'A delta was set aside because its merges fail; its producer was told that it is rejected.',
      metric: count('setAside'),
    });
    this.add('AnnouncementFailures', {
      what: 'The event bus did not accept events of commits: consumers wait for them in vain.',
      metric: count('announcementFailure'),
    });
    this.add('GarbageCollectionFailures', {
      what: 'Garbage collection failed for a collection: it keeps more than it should.',
      metric: ofFunction(functions.byVerb.CollectGarbage, 'Errors', 'Sum'),
    });
    const sweeps = { period: minutes(3 * config.sweepMinutes) };
    this.add('SweepFailures', {
      what: 'No sweep has succeeded lately: what lost its notification may go on waiting.',
      metric: new MathExpression({
        expression: 'IF(errors >= invocations, errors, 0)',
        label: 'Failed sweeps',
        usingMetrics: {
          errors: ofFunction(functions.byVerb.Sweep, 'Errors', 'Sum').with(sweeps),
          invocations: ofFunction(functions.byVerb.Sweep, 'Invocations', 'Sum').with(sweeps),
        },
        ...sweeps,
      }),
    });
    this.add('Throttles', {
      what: 'Lambda refused to start functions of the stack: the concurrency of the account is used up.',
      metric: new MathExpression({
        expression: 'SUM(METRICS())',
        label: 'Throttles',
        period: PERIOD,
        usingMetrics: Object.fromEntries(
          THROTTLED.map((verb) => [`t${verb}`, ofFunction(functions.byVerb[verb], 'Throttles', 'Sum')]),
        ),
      }),
      periods: 3,
    });
    this.add('LongMerges', {
      what: `A merge took more than ${LONG_MERGE * 100} % of the time that it may take.`,
      metric: ofFunction(functions.byVerb.MergeDeltas, 'Duration', 'Maximum'),
      above: LONG_MERGE * config.mergeTimeoutSeconds * 1_000,
    });
    this.add('LongPlans', {
      what: `A plan took more than ${LONG_PLAN * 100} % of the time that it may take: listing the inbox is slow.`,
      metric: ofFunction(functions.byVerb.PlanCompaction, 'Duration', 'Maximum'),
      above: LONG_PLAN * timeoutOf('PlanCompaction') * 1_000,
    });
  }

  /** @param name Name of the alarm, and of its entry in docs/runbook.md. */
  add(name: string, { what, metric, above = 0, periods = 1 }: AlarmSpec): void {
    const alarm = new Alarm(this, name, {
      alarmDescription: `${what} See docs/runbook.md#${name.toLowerCase()}.`,
      metric,
      threshold: above,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: periods,
      // No data means that nothing happened.
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    this.all.push(alarm);
  }
}
