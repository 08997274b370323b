/**
 * The way from a new delta to an execution: S3's notification, a queue with dead letters, and the function that starts
 * executions.
 */
import { Duration, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { type CfnBucket, EventType } from 'aws-cdk-lib/aws-s3';
import { SqsDestination } from 'aws-cdk-lib/aws-s3-notifications';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { explain } from '../acknowledgements.ts';
import type { ObjectPrefix } from '../grants.ts';
import type { DeploymentConfig } from '../settings.ts';
import type { Storage } from './storage.ts';

const INBOX: ObjectPrefix = 'deltas/';
/** Queues keep messages for at most 14 days. */
const LONGEST = Duration.days(14);

export class Ingest extends Construct {
  readonly queue: Queue;
  /** Notifications whose processing failed repeatedly. They can be redriven to the queue that they came from. */
  readonly deadLetters: Queue;
  /** Events that EventBridge could not deliver. They did not come from a queue, so SQS cannot redrive them. */
  readonly undelivered: Queue;

  constructor(scope: Construct, id: string, { storage, config }: { storage: Storage; config: DeploymentConfig }) {
    super(scope, id);
    const common = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true, retentionPeriod: LONGEST };
    this.deadLetters = new Queue(this, 'DeadLetters', common);
    this.undelivered = new Queue(this, 'UndeliveredEvents', common);
    explain(
      this.undelivered,
      'AwsSolutions-SQS3',
      'It is a queue of dead letters itself, of a rule of EventBridge, which no property of a queue says.',
    );
    this.queue = new Queue(this, 'Notifications', {
      ...common,
      visibilityTimeout: Duration.seconds(config.queueVisibilitySeconds),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: config.maxReceiveCount },
    });
    if (storage.isOwn) this.#notify(storage.bucket.node.defaultChild as CfnBucket);
    // Other notifications of the bucket belong to its owner, so this one is added to them.
    else
      storage.bucket.addEventNotification(EventType.OBJECT_CREATED, new SqsDestination(this.queue), { prefix: INBOX });
  }

  /**
   * Does not use `addEventNotification`, which would deploy a Lambda with rights on all buckets for the same setting.
   */
  #notify(bucket: CfnBucket): void {
    this.queue.addToResourcePolicy(
      new PolicyStatement({
        sid: 'Notifications',
        principals: [new ServicePrincipal('s3.amazonaws.com')],
        actions: ['sqs:SendMessage'],
        resources: [this.queue.queueArn],
        // Restricted by account: the bucket's own name is known only once the bucket exists, and the bucket requires
        // this policy first.
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    bucket.notificationConfiguration = {
      queueConfigurations: [
        {
          event: 's3:ObjectCreated:*',
          queue: this.queue.queueArn,
          filter: { s3Key: { rules: [{ name: 'prefix', value: INBOX }] } },
        },
      ],
    };
    bucket.node.addDependency(this.queue.node.findChild('Policy'));
  }

  /** Lets the function process the queue in batches. */
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
