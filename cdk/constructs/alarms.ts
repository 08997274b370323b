/** Alarms that mean something: each has an entry in docs/runbook.md that says what, how to look, and what to do. */
import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, MathExpression, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { DeploymentConfig } from '../config.ts';
import { makeTopic } from './alarm-topic.ts';
import type { Functions } from './functions.ts';
import type { Ingest } from './ingest.ts';
import { awsMetric, type LockPhase, PERIOD, stackMetric } from './metrics.ts';
import type { Workflow } from './workflow.ts';

/** Share of attempts that may meet a held lock, in per cent: the review's figure. */
const COLLISION_PERCENT = 10;
/** Fewer attempts than this in five minutes say nothing about a share. */
const LEAST_ATTEMPTS = 20;

export interface AlarmsProps {
  config: DeploymentConfig;
  functions: Functions;
  workflow: Workflow;
  ingest: Ingest;
}

interface AlarmSpec {
  what: string;
  metric: IMetric;
  /** Alarms above it. Default: 0. */
  above?: number;
  /** Periods of five minutes in a row. Default: 1. */
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
      this.#add(name, {
        what: `More than ${COLLISION_PERCENT} % of the attempts at the ${phase} lock met a held one, for 15 minutes.`,
        metric: new MathExpression({ expression, usingMetrics, period: PERIOD, label: 'Collisions, % of attempts' }),
        above: COLLISION_PERCENT,
        periods: 3,
      });
    }
    this.#add('PendingDeltaAge', {
      what: `A delta has waited for more than ${config.pendingAgeAlarmSeconds} s.`,
      metric: stackMetric(stackName, 'pendingDeltaAge', 'Maximum'),
      above: config.pendingAgeAlarmSeconds,
      periods: 2,
    });
    this.#add('DeadLetters', {
      what: 'A notification or an event could not be handled and lies in the queue of dead letters.',
      metric: awsMetric({
        namespace: 'AWS/SQS',
        metricName: 'ApproximateNumberOfMessagesVisible',
        dimensionsMap: { QueueName: ingest.deadLetters.queueName },
        statistic: 'Maximum',
      }),
    });
    this.#add('FailedExecutions', {
      what: 'A compaction failed.',
      metric: executions(compaction, 'ExecutionsFailed'),
    });
    this.#add('AbandonedLocks', {
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
    this.#add('RejectedOperations', {
      what: 'Operations in a delta were rejected: somebody sent what cannot be applied.',
      metric: count('operationsRejected'),
    });
    this.#add('UnreadableDeltas', {
      what: 'A delta was passed over because it cannot be read.',
      metric: count('unreadableDelta'),
    });
    this.#add('AnnouncementFailures', {
      what: 'The event bus did not take events of commits: whoever waits for an event waits in vain.',
      metric: count('announcementFailure'),
    });
    this.#add('GarbageCollectionFailures', {
      what: 'Garbage collection failed for a collection: it keeps more than it should.',
      metric: errors(functions.byVerb.CollectGarbage),
    });
    this.#add('SweepFailures', {
      what: 'The sweep failed three times in 15 minutes: what lost its notification may go on waiting.',
      metric: errors(functions.byVerb.Sweep),
      periods: 3,
    });
  }

  #add(name: string, { what, metric, above = 0, periods = 1 }: AlarmSpec): void {
    const alarm = new Alarm(this, name, {
      alarmDescription: `${what} See docs/runbook.md#${name.toLowerCase()}.`,
      metric,
      threshold: above,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: periods,
      // Nothing is reported when nothing happens.
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    this.all.push(alarm);
  }
}

function executions(machine: StateMachine, metricName: string): IMetric {
  const dimensionsMap = { StateMachineArn: machine.stateMachineArn };
  return awsMetric({ namespace: 'AWS/States', metricName, dimensionsMap, statistic: 'Sum' });
}

function errors({ functionName }: LambdaFunction): IMetric {
  const dimensionsMap = { FunctionName: functionName };
  return awsMetric({
    namespace: 'AWS/Lambda',
    metricName: 'Errors',
    dimensionsMap,
    statistic: 'Sum',
    period: Duration.minutes(5),
  });
}
