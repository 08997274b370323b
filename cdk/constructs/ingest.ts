/** From a new delta to an execution: S3's notification, a queue with dead letters, and the function that starts. */
import { Duration, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { CfnBucket } from 'aws-cdk-lib/aws-s3';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { DeploymentConfig } from '../config.ts';
import type { Storage } from './storage.ts';

/** Queues keep messages for at most 14 days. */
const LONGEST = Duration.days(14);

export class Ingest extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, { storage, config }: { storage: Storage; config: DeploymentConfig }) {
    super(scope, id);
    const common = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true, retentionPeriod: LONGEST };
    this.deadLetters = new Queue(this, 'DeadLetters', common);
    this.queue = new Queue(this, 'Notifications', {
      ...common,
      visibilityTimeout: Duration.seconds(config.queueVisibilitySeconds),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: config.maxReceiveCount },
    });
    this.queue.addToResourcePolicy(
      new PolicyStatement({
        sid: 'Notifications',
        principals: [new ServicePrincipal('s3.amazonaws.com')],
        actions: ['sqs:SendMessage'],
        resources: [this.queue.queueArn],
        // By account: the bucket's own name is known only after the bucket, which wants this policy first.
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    // Not `addEventNotification`, which deploys a Lambda with rights on all buckets to say the same.
    const bucket = storage.bucket.node.defaultChild as CfnBucket;
    bucket.notificationConfiguration = {
      queueConfigurations: [
        {
          event: 's3:ObjectCreated:*',
          queue: this.queue.queueArn,
          filter: { s3Key: { rules: [{ name: 'prefix', value: 'deltas/' }] } },
        },
      ],
    };
    bucket.node.addDependency(this.queue.node.findChild('Policy'));
  }

  /** Let the function take what is in the queue, in batches. */
  feed(starter: LambdaFunction, config: DeploymentConfig): void {
    starter.addEventSource(
      new SqsEventSource(this.queue, {
        batchSize: config.batchSize,
        maxBatchingWindow: Duration.seconds(config.batchWindowSeconds),
        reportBatchItemFailures: true,
      }),
    );
  }
}
