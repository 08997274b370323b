/**
 * The two state machines, from the unchanged text of the ASL files, and the rule that starts the second when an
 * execution of the first dies.
 */
import { ArnFormat, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { SfnStateMachine } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { explain } from '../acknowledgements.ts';
import type { DeploymentConfig } from '../settings.ts';
import { type MachineName, readDefinition, verbsOf } from '../verbs.ts';
import type { Functions } from './functions.ts';

/**
 * ARNs of the compaction machine and its executions. Functions need them before the machine exists, so its name is
 * fixed in advance.
 */
export function compactionArns(stack: Stack, { stackName }: DeploymentConfig): { arn: string; executionsArn: string } {
  const name = machineName(stackName, 'compaction');
  return {
    arn: stack.formatArn({ ...STATES, resource: 'stateMachine', resourceName: name }),
    executionsArn: stack.formatArn({ ...STATES, resource: 'execution', resourceName: `${name}:*` }),
  };
}

const STATES = { service: 'states', arnFormat: ArnFormat.COLON_RESOURCE_NAME };

function machineName(stackName: string, machine: MachineName): string {
  return `${stackName}-${machine}`;
}

export interface WorkflowProps {
  config: DeploymentConfig;
  functions: Functions;
  /** Takes events that could not be delivered. */
  undelivered: IQueue;
}

export class Workflow extends Construct {
  readonly compaction: StateMachine;
  readonly releaseAbandoned: StateMachine;

  constructor(scope: Construct, id: string, { config, functions, undelivered }: WorkflowProps) {
    super(scope, id);
    const { arn } = compactionArns(Stack.of(this), config);
    this.compaction = this.#machine('Compaction', 'compaction', config, functions, {});
    this.releaseAbandoned = this.#machine('ReleaseAbandoned', 'release-abandoned', config, functions, {
      CompactionArn: arn,
    });
    this.releaseAbandoned.addToRolePolicy(
      new PolicyStatement({ sid: 'StartSuccessor', actions: ['states:StartExecution'], resources: [arn] }),
    );
    new Rule(this, 'ExecutionDied', {
      description: 'Frees what a compaction holds that was aborted, timed out or failed',
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: { stateMachineArn: [this.compaction.stateMachineArn], status: ['FAILED', 'TIMED_OUT', 'ABORTED'] },
      },
      targets: [
        new SfnStateMachine(this.releaseAbandoned, {
          // The event's detail as a whole, as AWS documents it: how an input template treats text within text is
          // documented in two contradictory ways.
          input: RuleTargetInput.fromEventPath('$.detail'),
          deadLetterQueue: undelivered,
          maxEventAge: Duration.hours(2),
          retryAttempts: 10,
        }),
      ],
    });
  }

  #machine(
    id: string,
    machine: MachineName,
    config: DeploymentConfig,
    functions: Functions,
    others: Record<string, string>,
  ): StateMachine {
    const verbs = verbsOf(machine);
    const arns = Object.fromEntries(verbs.map((verb) => [`${verb}Arn`, functions.byVerb[verb].functionArn]));
    const stack = Stack.of(this);
    const stateMachineName = machineName(config.stackName, machine);
    const own = stack.formatArn({ ...STATES, resource: 'stateMachine', resourceName: stateMachineName });
    const role = new Role(this, `${id}Role`, {
      // Restricted to this machine: a role that any machine of the service could assume would be a confused deputy.
      assumedBy: new ServicePrincipal('states.amazonaws.com', {
        conditions: { ArnLike: { 'aws:SourceArn': own }, StringEquals: { 'aws:SourceAccount': stack.account } },
      }),
      description: `What the state machine ${machine} may do`,
    });
    role.addToPolicy(
      new PolicyStatement({ sid: 'Tasks', actions: ['lambda:InvokeFunction'], resources: Object.values(arns) }),
    );
    explain(
      role,
      'AwsSolutions-IAM5[Resource::*]',
      'Traces and log deliveries: IAM knows no resources for these actions.',
    );
    return new StateMachine(this, id, {
      stateMachineName,
      stateMachineType: StateMachineType.STANDARD,
      role,
      definitionBody: DefinitionBody.fromString(readDefinition(machine)),
      definitionSubstitutions: { ...arns, ...others },
      tracingEnabled: true,
      logs: {
        level: LogLevel.ALL,
        // The state carries names, tokens and counts, never data of producers.
        includeExecutionData: true,
        destination: new LogGroup(this, `${id}Logs`, {
          // Below this name prefix, any number of machines fits into the account's single resource policy for log
          // delivery.
          logGroupName: `/aws/vendedlogs/states/${stateMachineName}`,
          retention: config.logRetentionDays,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
      },
    });
  }
}
