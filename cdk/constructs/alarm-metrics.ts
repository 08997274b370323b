/** AWS's own metrics that alarms read. */
import { Duration } from 'aws-cdk-lib';
import type { IMetric, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { awsMetric, PERIOD } from './metrics.ts';

/** Longest period that CloudWatch allows, in minutes. */
const LONGEST_PERIOD = 24 * 60;

export function executions(machine: StateMachine, metricName: string): IMetric {
  const dimensionsMap = { StateMachineArn: machine.stateMachineArn };
  return awsMetric({ namespace: 'AWS/States', metricName, dimensionsMap, statistic: 'Sum' });
}

export function ofFunction({ functionName }: IFunction, metricName: string, statistic: string): Metric {
  return awsMetric({
    namespace: 'AWS/Lambda',
    metricName,
    dimensionsMap: { FunctionName: functionName },
    statistic,
  });
}

export function waiting({ queueName }: IQueue): Metric {
  return awsMetric({
    namespace: 'AWS/SQS',
    metricName: 'ApproximateNumberOfMessagesVisible',
    dimensionsMap: { QueueName: queueName },
    statistic: 'Maximum',
  });
}

/** A period of about this many minutes: at least the usual one, and at most what CloudWatch allows. */
export function minutes(wanted: number): Duration {
  return Duration.minutes(Math.min(LONGEST_PERIOD, Math.max(PERIOD.toMinutes(), wanted)));
}
