/** The whole compactor as one stack. */
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { explain } from './acknowledgements.ts';
import type { Bundles } from './bundle.ts';
import type { DeploymentConfig } from './config.ts';
import { Alarms } from './constructs/alarms.ts';
import { CompactorDashboard } from './constructs/dashboard.ts';
import { Functions } from './constructs/functions.ts';
import { Ingest } from './constructs/ingest.ts';
import { CacheNetwork } from './constructs/network.ts';
import { Schedules } from './constructs/schedules.ts';
import { Storage } from './constructs/storage.ts';
import { StatusTable } from './constructs/table.ts';
import { compactionArns, Workflow } from './constructs/workflow.ts';

export interface CompactorStackProps extends StackProps {
  config: DeploymentConfig;
  bundles: Bundles;
}

export class CompactorStack extends Stack {
  constructor(scope: Construct, id: string, { config, bundles, ...props }: CompactorStackProps) {
    super(scope, id, { description: 'chroma-compactor', ...props });
    const storage = new Storage(this, 'Storage', config);
    explain(
      storage.bucket,
      'AwsSolutions-S1',
      'Every write is conditional and versioned, and each role reaches its own prefixes only; CloudTrail data events say ' +
        'who did what, and cost nothing until a team switches them on.',
    );
    const table = new StatusTable(this, 'Statuses');
    const network = new CacheNetwork(this, 'Network', { storage, table });
    const ingest = new Ingest(this, 'Ingest', { storage, config });
    const machine = compactionArns(this, config);
    const functions = new Functions(this, 'Functions', { config, bundles, storage, table, network, machine });
    ingest.feed(functions.byVerb.StartCompaction, config);
    const workflow = new Workflow(this, 'Workflow', { config, functions, deadLetters: ingest.deadLetters });
    new Schedules(this, 'Schedules', { config, functions });
    const alarms = new Alarms(this, 'Alarms', { config, functions, workflow, ingest });
    new CompactorDashboard(this, 'Overview', { config, alarms });

    new CfnOutput(this, 'StoreUrl', { value: `s3://${storage.bucket.bucketName}` });
    new CfnOutput(this, 'TableName', { value: table.table.tableName });
    new CfnOutput(this, 'StateMachineArn', { value: workflow.compaction.stateMachineArn });
    new CfnOutput(this, 'ReleaseMachineArn', { value: workflow.releaseAbandoned.stateMachineArn });
    new CfnOutput(this, 'DeadLetterQueueUrl', { value: ingest.deadLetters.queueUrl });
    new CfnOutput(this, 'AlarmTopicArn', { value: alarms.topic.topicArn });
  }
}
