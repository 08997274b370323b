/** One function per verb, each with a role of its own, made from the table in `grants.ts`. */
import { Duration, RemovalPolicy, Size } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
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
import { GRANTS, type Grant } from '../grants.ts';
import { type Bundles, findHandlers } from '../handlers.ts';
import { architectureOf } from '../parse-settings.ts';
import { type DeploymentConfig, settingsOf } from '../settings.ts';
import { CACHE_VERBS, SCHEDULED_VERBS, timeoutOf, VERBS, type Verb } from '../verbs.ts';
import type { CacheNetwork } from './network.ts';
import { type GrantedProps, makeRole } from './roles.ts';

/** Light verbs mostly wait for the network. More memory brings more CPU, and so a shorter start of Node.js. */
const LIGHT_MEMORY_MIB = 512;
/** Verbs that move packs: 4 parts of 8 MiB at a time and one being filled, or lists of all objects. */
const HEAVY_MEMORY_MIB = 1_024;
const HEAVY_VERBS: readonly Verb[] = ['UploadSnapshot', 'FinishCompaction', 'CollectGarbage'];
const CACHE_DIRECTORY = '/mnt/cache';

export interface FunctionsProps extends GrantedProps {
  network: CacheNetwork;
}

export class Functions extends Construct {
  readonly byVerb: Readonly<Record<Verb, LambdaFunction>>;

  constructor(scope: Construct, id: string, props: FunctionsProps) {
    super(scope, id);
    const bundles = findHandlers();
    this.byVerb = Object.fromEntries(VERBS.map((verb) => [verb, this.#make(verb, bundles, props)])) as Record<
      Verb,
      LambdaFunction
    >;
  }

  #make(verb: Verb, bundles: Bundles, props: FunctionsProps): LambdaFunction {
    const { config, network } = props;
    const usesCache = CACHE_VERBS.includes(verb);
    const logGroup = new LogGroup(this, `${verb}Logs`, {
      retention: config.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const grants = GRANTS[verb];
    const options: FunctionOptions = {
      ...commonOptions(config),
      description: `chroma-compactor: ${verb}`,
      role: makeRole(this, { name: verb, grants, logGroup, usesCache }, props),
      logGroup,
      timeout: Duration.seconds(secondsFor(verb, config)),
      memorySize: memoryFor(verb, config),
      environment: environmentFor(grants, props),
      // A schedule runs again anyway, so retrying a failure gains nothing.
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
      code: imageCode(bundles, config),
    });
  }
}

/** Options that every function has. */
export function commonOptions(config: DeploymentConfig): Pick<FunctionOptions, 'architecture' | 'tracing'> {
  const isArm = architectureOf(config) === 'arm64';
  return { architecture: isArm ? Architecture.ARM_64 : Architecture.X86_64, tracing: Tracing.ACTIVE };
}

/** The image with the Chroma server. @param handler Default: that of MergeDeltas. */
export function imageCode(bundles: Bundles, config: DeploymentConfig, handler?: string): DockerImageCode {
  const platform = architectureOf(config) === 'arm64' ? Platform.LINUX_ARM64 : Platform.LINUX_AMD64;
  return DockerImageCode.fromImageAsset(bundles.MergeDeltas, {
    platform,
    ...(handler === undefined ? {} : { cmd: [handler] }),
  });
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

export function environmentFor(
  grants: readonly Grant[],
  { config, storage, table, machine }: GrantedProps,
): Record<string, string> {
  const announces = grants.some(({ on }) => on === 'bus');
  const starts = grants.some(({ on }) => on === 'machine');
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
