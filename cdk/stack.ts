/** The whole compactor as one stack, which `npx cdk deploy` of this project deploys. */
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { Compactor, type CompactorEndpoint } from './compactor.ts';
import type { DeploymentConfig } from './settings.ts';

export interface CompactorStackProps extends StackProps {
  config: DeploymentConfig;
}

export class CompactorStack extends Stack {
  constructor(scope: Construct, id: string, { config, ...props }: CompactorStackProps) {
    super(scope, id, { description: 'chroma-compactor', ...props });
    const { stackName: name, endpoint, ...settings } = config;
    // The id "Default" adds nothing to logical ids, so resources deployed before this construct existed keep theirs.
    const compactor = new Compactor(this, 'Default', { name, endpoint, settings });
    new CfnOutput(this, 'StoreUrl', { value: compactor.storeUrl });
    new CfnOutput(this, 'TableName', { value: compactor.table.tableName });
    new CfnOutput(this, 'StateMachineArn', { value: compactor.stateMachine.stateMachineArn });
    new CfnOutput(this, 'ReleaseMachineArn', { value: compactor.releaseMachine.stateMachineArn });
    new CfnOutput(this, 'DeadLetterQueueUrl', { value: compactor.deadLetters.queueUrl });
    new CfnOutput(this, 'UndeliveredEventsQueueUrl', { value: compactor.undeliveredEvents.queueUrl });
    if (compactor.endpoint !== undefined) this.#describe(compactor.endpoint);
    new CfnOutput(this, 'AlarmTopicArn', { value: compactor.alarmTopic.topicArn });
  }

  #describe({ url, token }: CompactorEndpoint): void {
    new CfnOutput(this, 'EndpointUrl', { value: url });
    if (token !== undefined) new CfnOutput(this, 'EndpointTokenArn', { value: token.secretArn });
  }
}
