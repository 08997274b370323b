/** The compactor as one construct, for use in your own app. */
import { Stack, Token } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IFunction, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { Alarms } from './constructs/alarms.ts';
import { CompactorDashboard } from './constructs/dashboard.ts';
import { Endpoint } from './constructs/endpoint.ts';
import { addEndpointAlarms } from './constructs/endpoint-alarms.ts';
import { Functions } from './constructs/functions.ts';
import { Ingest } from './constructs/ingest.ts';
import { CacheNetwork } from './constructs/network.ts';
import { type GrantedProps, statementsOf } from './constructs/roles.ts';
import { Schedules } from './constructs/schedules.ts';
import { Storage } from './constructs/storage.ts';
import { StatusTable } from './constructs/table.ts';
import { compactionArns, Workflow } from './constructs/workflow.ts';
import { APPLICATION_GRANTS } from './grants.ts';
import { type CompactorSettings, parseSettings } from './parse-settings.ts';
import type { DeploymentConfig } from './settings.ts';
import type { Verb } from './verbs.ts';

export interface CompactorProps {
  /**
   * Name of the dashboard and of the state machines, and the value of the metrics' dimension `service`: unique per
   * account and region. At most 40 letters, digits and "-", starting with a letter.
   * @default that of the stack
   */
  readonly name?: string;
  /**
   * Adds a function with a URL of its own that serves Chroma's API: docs/deploy.md, "The endpoint". Its settings are
   * those in `settings` whose names begin with "endpoint".
   * @default false
   */
  readonly endpoint?: boolean;
  /** Sizes, durations, retention and thresholds: docs/reference/configuration.md. @default the defaults on that page */
  readonly settings?: CompactorSettings;
  /**
   * A bucket for this store and nothing else, with versioning. If it is made in the same app, it gets the policy and
   * the lifecycle rules that the store needs. If it is imported, a warning says what its owner must configure.
   * @default a new bucket, which outlives the stack
   */
  readonly bucket?: IBucket;
  /**
   * The network of the cache and of the functions that mount it. S3 and DynamoDB must be reachable from it by HTTPS,
   * through gateway endpoints, which cost nothing, or through a NAT. Whatever else is reachable from it can also be
   * reached by the process that runs Chroma on what producers send.
   * @default a VPC of its own, from which only the bucket and the table can be reached
   */
  readonly vpc?: IVpc;
  /**
   * Subnets of `vpc`.
   * @default its isolated subnets, or those with a way out if it has no isolated ones
   */
  readonly vpcSubnets?: SubnetSelection;
  /**
   * Encrypts the table, the cache, and the bucket, unless a bucket is given as well. The key's policy must leave
   * permissions to the account's policies, as that of a key made by the CDK does.
   * @default the keys of S3 and DynamoDB, and the account's key of EFS
   */
  readonly encryptionKey?: IKey;
}

export interface CompactorEndpoint {
  /** `https://...`, with a trailing slash. */
  readonly url: string;
  readonly function: IFunction;
  /** The token that clients must send; `undefined` with `endpointAuth: 'iam'`. */
  readonly token: ISecret | undefined;
}

/**
 * Bucket, table, cache, functions, state machines, schedules, alarms and dashboard.
 * @example
 * const compactor = new Compactor(this, 'Compactor', { vpc, encryptionKey: key, settings: { retainDays: 30 } });
 * compactor.grantSubmit(producer);
 */
export class Compactor extends Construct {
  /** Value for `STORE_URL` of the command line, and for `storeUrl` of `connect`. */
  readonly storeUrl: string;
  readonly bucket: IBucket;
  /** Locks, claims and statuses. */
  readonly table: ITable;
  readonly vpc: IVpc;
  /** By verb, e.g. `MergeDeltas`. */
  readonly functions: Readonly<Record<Verb, LambdaFunction>>;
  /** Compacts a collection. */
  readonly stateMachine: IStateMachine;
  /** Releases what an execution held that died. */
  readonly releaseMachine: IStateMachine;
  readonly deadLetters: IQueue;
  readonly undeliveredEvents: IQueue;
  /** Serves Chroma's API, if `endpoint` was set. */
  readonly endpoint: CompactorEndpoint | undefined;
  /** Is notified of every alarm. */
  readonly alarmTopic: ITopic;
  readonly alarms: readonly Alarm[];
  readonly #granted: GrantedProps;

  /** @throws Error that names every setting that is wrong, and what to do */
  constructor(scope: Construct, id: string, props: CompactorProps = {}) {
    super(scope, id);
    const { vpc, vpcSubnets: subnets, encryptionKey: key } = props;
    const config = this.#configure(props);
    const storage = new Storage(this, 'Storage', { config, given: props.bucket, key });
    const table = new StatusTable(this, 'Statuses', { config, key });
    const given = vpc && { vpc, subnets };
    const network = new CacheNetwork(this, 'Network', { storage, table, given, key });
    const ingest = new Ingest(this, 'Ingest', { storage, config });
    const machine = compactionArns(Stack.of(this), config);
    const keys = { bucket: storage.key, table: key };
    this.#granted = { config, storage, table, keys, machine };
    const functions = new Functions(this, 'Functions', { ...this.#granted, network });
    ingest.feed(functions.byVerb.StartCompaction, config);
    const workflow = new Workflow(this, 'Workflow', { config, functions, undelivered: ingest.undelivered });
    new Schedules(this, 'Schedules', { config, functions });
    const alarms = new Alarms(this, 'Alarms', { config, functions, workflow, ingest });
    this.endpoint = config.endpoint ? new Endpoint(this, 'Endpoint', { ...this.#granted, key }) : undefined;
    if (this.endpoint !== undefined) addEndpointAlarms(alarms, this.endpoint.function, config);
    new CompactorDashboard(this, 'Overview', { config, alarms });

    this.storeUrl = `s3://${storage.bucket.bucketName}`;
    this.bucket = storage.bucket;
    this.table = table.table;
    this.vpc = network.vpc;
    this.functions = functions.byVerb;
    this.stateMachine = workflow.compaction;
    this.releaseMachine = workflow.releaseAbandoned;
    this.deadLetters = ingest.deadLetters;
    this.undeliveredEvents = ingest.undelivered;
    this.alarmTopic = alarms.topic;
    this.alarms = alarms.all;
  }

  /** Permissions for `connect(...).submit` of the library. */
  grantSubmit(grantee: IGrantable): void {
    this.#grant(grantee, 'submit');
  }

  /** Permissions for `connect(...).wait`. */
  grantWait(grantee: IGrantable): void {
    this.#grant(grantee, 'wait');
  }

  /** Permissions for a reader. */
  grantRead(grantee: IGrantable): void {
    this.#grant(grantee, 'read');
  }

  /** Permissions for `connect(...).start`. */
  grantStart(grantee: IGrantable): void {
    this.#grant(grantee, 'start');
  }

  /** Permissions for `compactor serve`, in a container of your own. */
  grantServe(grantee: IGrantable): void {
    this.#grant(grantee, 'serve');
  }

  #grant({ grantPrincipal }: IGrantable, use: keyof typeof APPLICATION_GRANTS): void {
    for (const statement of statementsOf(APPLICATION_GRANTS[use], this.#granted)) {
      grantPrincipal.addToPrincipalPolicy(statement);
    }
  }

  #configure({ name = Stack.of(this).stackName, settings = {}, endpoint = false }: CompactorProps): DeploymentConfig {
    const source = `The props of "${this.node.path}"`;
    if (Token.isUnresolved(name)) throw new Error(`${source} need a \`name\`: that of the stack is not known yet.`);
    return parseSettings(source, { ...settings, endpoint, stackName: name });
  }
}
