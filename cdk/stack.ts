/** The whole compactor as one stack, which `npx cdk deploy` of this project deploys. */
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Compactor } from './compactor.ts';
import type { DeploymentConfig } from './config.ts';

export interface CompactorStackProps extends StackProps {
  config: DeploymentConfig;
}

export class CompactorStack extends Stack {
  constructor(scope: Construct, id: string, { config, ...props }: CompactorStackProps) {
    super(scope, id, { description: 'chroma-compactor', ...props });
    const { stackName: name, ...settings } = config;
    // "Default" adds nothing to logical ids: what was deployed before there was such a construct keeps its own.
    const compactor = new Compactor(this, 'Default', { name, settings });
    new CfnOutput(this, 'StoreUrl', { value: compactor.storeUrl });
    new CfnOutput(this, 'TableName', { value: compactor.table.tableName });
    new CfnOutput(this, 'StateMachineArn', { value: compactor.stateMachine.stateMachineArn });
    new CfnOutput(this, 'ReleaseMachineArn', { value: compactor.releaseMachine.stateMachineArn });
    new CfnOutput(this, 'DeadLetterQueueUrl', { value: compactor.deadLetters.queueUrl });
    new CfnOutput(this, 'UndeliveredEventsQueueUrl', { value: compactor.undeliveredEvents.queueUrl });
    new CfnOutput(this, 'AlarmTopicArn', { value: compactor.alarmTopic.topicArn });
  }
}
