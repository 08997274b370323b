/** One function per verb, each with a role of its own, made from the table in `grants.ts`. */
import { Duration, RemovalPolicy, Size, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Code,
  DockerImageCode,
  DockerImageFunction,
  FileSystem,
  type FunctionOptions,
  Function as LambdaFunction,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { PROCESS_ENVIRONMENT } from '../../lambdas/runtime/process-environment.ts';
import { explain } from '../acknowledgements.ts';
import type { Bundles } from '../bundle.ts';
import { type DeploymentConfig, settingsOf } from '../config.ts';
import { GRANTS, type Grant } from '../grants.ts';
import { CACHE_VERBS, SCHEDULED_VERBS, timeoutOf, VERBS, type Verb } from '../verbs.ts';
import type { CacheNetwork } from './network.ts';
import type { Storage } from './storage.ts';
import type { StatusTable } from './table.ts';

/** Light verbs wait for the network; more memory is more processor, and a shorter wait for Node.js to start. */
const LIGHT_MEMORY_MIB = 512;
/** Verbs that move packs: 4 parts of 8 MiB at a time and one being filled, or lists of all objects. */
const HEAVY_MEMORY_MIB = 1_024;
const HEAVY_VERBS: readonly Verb[] = ['UploadSnapshot', 'FinishCompaction', 'CollectGarbage'];
const CACHE_DIRECTORY = '/mnt/cache';

export interface FunctionsProps {
  config: DeploymentConfig;
  bundles: Bundles;
  storage: Storage;
  table: StatusTable;
  network: CacheNetwork;
  /** Of the compaction machine, which is made after the functions. */
  machine: { arn: string; executionsArn: string };
}

export class Functions extends Construct {
  readonly byVerb: Readonly<Record<Verb, LambdaFunction>>;

  constructor(scope: Construct, id: string, props: FunctionsProps) {
    super(scope, id);
    this.byVerb = Object.fromEntries(VERBS.map((verb) => [verb, this.#make(verb, props)])) as Record<
      Verb,
      LambdaFunction
    >;
  }

  #make(verb: Verb, props: FunctionsProps): LambdaFunction {
    const { config, bundles, network } = props;
    const usesCache = CACHE_VERBS.includes(verb);
    const logGroup = new LogGroup(this, `${verb}Logs`, {
      retention: config.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new Role(this, `${verb}Role`, {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `What ${verb} may do`,
    });
    grantBasics(role, logGroup, usesCache);
    for (const grant of GRANTS[verb]) role.addToPolicy(statementFor(grant, props));
    explainPrefixes(role, verb, props);
    const isArm = config.architecture === 'arm64';
    const options: FunctionOptions = {
      description: `chroma-compactor: ${verb}`,
      role,
      logGroup,
      architecture: isArm ? Architecture.ARM_64 : Architecture.X86_64,
      timeout: Duration.seconds(secondsFor(verb, config)),
      memorySize: memoryFor(verb, config),
      tracing: Tracing.ACTIVE,
      environment: environmentFor(verb, props),
      // Schedules come again; nobody gains by a repeat of their failures.
      ...(SCHEDULED_VERBS.includes(verb) ? { retryAttempts: 0 } : {}),
      ...(usesCache
        ? {
            vpc: network.vpc,
            vpcSubnets: network.subnets,
            securityGroups: [network.securityGroup],
            filesystem: FileSystem.fromEfsAccessPoint(network.accessPoint, CACHE_DIRECTORY),
          }
        : {}),
    };
    if (verb !== 'MergeDeltas') {
      const code = Code.fromAsset(bundles[verb]);
      return new LambdaFunction(this, verb, {
        ...options,
        runtime: Runtime.NODEJS_24_X,
        handler: 'index.handler',
        code,
      });
    }
    return new DockerImageFunction(this, verb, {
      ...options,
      ephemeralStorageSize: Size.mebibytes(config.mergeTmpMiB),
      code: DockerImageCode.fromImageAsset(bundles[verb], {
        platform: isArm ? Platform.LINUX_ARM64 : Platform.LINUX_AMD64,
      }),
    });
  }
}

function secondsFor(verb: Verb, config: DeploymentConfig): number {
  if (verb === 'MergeDeltas') return config.mergeTimeoutSeconds;
  if (verb === 'StartCompaction') return config.starterTimeoutSeconds;
  return timeoutOf(verb);
}

function memoryFor(verb: Verb, config: DeploymentConfig): number {
  if (verb === 'MergeDeltas') return config.mergeMemoryMiB;
  return HEAVY_VERBS.includes(verb) ? HEAVY_MEMORY_MIB : LIGHT_MEMORY_MIB;
}

function environmentFor(verb: Verb, { config, storage, table, machine }: FunctionsProps): Record<string, string> {
  const announces = GRANTS[verb].some(({ on }) => on === 'bus');
  const starts = GRANTS[verb].some(({ on }) => on === 'machine');
  return {
    ...PROCESS_ENVIRONMENT,
    STORE_URL: `s3://${storage.bucket.bucketName}`,
    TABLE_NAME: table.table.tableName,
    CACHE_DIRECTORY,
    WORK_DIRECTORY: '/tmp/work',
    ...settingsOf(config),
    POWERTOOLS_SERVICE_NAME: config.stackName,
    ...(announces ? { EVENT_BUS_NAME: config.eventBusName } : {}),
    ...(starts ? { STATE_MACHINE_ARN: machine.arn } : {}),
  };
}

/** Interfaces into the cache's network have no ARN before they are made, and traces never have one. */
const NO_RESOURCE_LEVEL = 'IAM knows no resources for these actions.';

/** Logs, and for the verbs with the cache its network; the CDK adds traces and the mount, scoped to the access point. */
function grantBasics(role: Role, logGroup: LogGroup, usesCache: boolean): void {
  role.addToPolicy(
    new PolicyStatement({
      sid: 'Logs',
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [logGroup.logGroupArn],
    }),
  );
  if (usesCache) {
    role.addToPolicy(
      new PolicyStatement({
        sid: 'NetworkInterfaces',
        actions: [
          'ec2:CreateNetworkInterface',
          'ec2:DescribeNetworkInterfaces',
          'ec2:DescribeSubnets',
          'ec2:DeleteNetworkInterface',
          'ec2:AssignPrivateIpAddresses',
          'ec2:UnassignPrivateIpAddresses',
        ],
        resources: ['*'],
      }),
    );
  }
  const cache = usesCache ? ', network interfaces, and the mount, which a condition ties to its access point' : '';
  explain(role, 'AwsSolutions-IAM5[Resource::*]', `Traces${cache}: ${NO_RESOURCE_LEVEL}`);
}

function statementFor(grant: Grant, { config, storage, table, machine }: FunctionsProps): PolicyStatement {
  const resources = {
    objects: () => storage.bucket.arnForObjects(`${(grant as { prefix: string }).prefix}*`),
    bucket: () => storage.bucket.bucketArn,
    table: () => table.table.tableArn,
    bus: () =>
      Stack.of(table).formatArn({ service: 'events', resource: 'event-bus', resourceName: config.eventBusName }),
    machine: () => machine.arn,
    executions: () => machine.executionsArn,
  };
  return new PolicyStatement({ actions: [...grant.actions], resources: [resources[grant.on]()] });
}

/** Keys below a prefix, and executions of one machine, are named by a wildcard at the end: there is no other way. */
function explainPrefixes(role: Role, verb: Verb, { storage, machine }: FunctionsProps): void {
  const stack = Stack.of(role);
  const bucket = stack.getLogicalId(storage.bucket.node.defaultChild as never);
  for (const grant of GRANTS[verb]) {
    if (grant.on === 'objects') {
      const finding = `AwsSolutions-IAM5[Resource::<${bucket}.Arn>/${grant.prefix}*]`;
      explain(role, finding, `All objects of one kind: ${grant.why}.`);
    }
    if (grant.on === 'executions') {
      const finding = `AwsSolutions-IAM5[Resource::${shown(machine.executionsArn, stack)}]`;
      explain(role, finding, `All executions of one machine: ${grant.why}.`);
    }
  }
}

/** An ARN as cdk-nag writes it, with `<AWS::Region>` for what is known at deployment only. */
function shown(arn: string, stack: Stack): string {
  const { 'Fn::Join': join } = stack.resolve(arn) as { 'Fn::Join': [string, Array<string | { Ref: string }>] };
  return join[1].map((part) => (typeof part === 'string' ? part : `<${part.Ref}>`)).join(join[0]);
}
