/**
 * The cache and its network: EFS can be mounted only from within a VPC. There is no way out of it but the two gateway
 * endpoints, which cost nothing and lead to the one bucket and the one table only: whoever takes over the process that
 * runs Chroma on producers' data has nowhere to take what it reads. Lambda itself delivers logs and traces, from outside.
 */
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import {
  type GatewayVpcEndpoint,
  GatewayVpcEndpointAwsService,
  Peer,
  Port,
  SecurityGroup,
  type SubnetSelection,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { type AccessPoint, FileSystem, ThroughputMode } from 'aws-cdk-lib/aws-efs';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { explain } from '../acknowledgements.ts';
import { actionsOn } from '../grants.ts';
import { CACHE_VERBS } from '../verbs.ts';
import type { Storage } from './storage.ts';
import type { StatusTable } from './table.ts';

/** The functions' user; the access point makes every file theirs. */
const OWNER = '10001';

export class CacheNetwork extends Construct {
  readonly vpc: Vpc;
  readonly subnets: SubnetSelection = { subnetType: SubnetType.PRIVATE_ISOLATED };
  readonly securityGroup: SecurityGroup;
  readonly accessPoint: AccessPoint;
  readonly fileSystem: FileSystem;

  constructor(scope: Construct, id: string, { storage, table }: { storage: Storage; table: StatusTable }) {
    super(scope, id);
    this.vpc = new Vpc(this, 'Vpc', {
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [{ name: 'isolated', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 }],
    });
    const { bucket } = storage;
    const s3 = this.vpc.addGatewayEndpoint('s3', { service: GatewayVpcEndpointAwsService.S3 });
    this.#lead(s3, actionsOn('objects', CACHE_VERBS), bucket.arnForObjects('*'));
    this.#lead(s3, actionsOn('bucket', CACHE_VERBS), bucket.bucketArn);
    const dynamodb = this.vpc.addGatewayEndpoint('dynamodb', { service: GatewayVpcEndpointAwsService.DYNAMODB });
    this.#lead(dynamodb, actionsOn('table', CACHE_VERBS), table.table.tableArn);
    explain(
      this.vpc,
      'AwsSolutions-VPC7',
      'Nothing can leave this network but to S3 and DynamoDB, which log on their own.',
    );
    this.securityGroup = new SecurityGroup(this, 'Functions', {
      vpc: this.vpc,
      description: 'Functions that mount the cache',
      allowAllOutbound: false,
    });
    // Any address, since the endpoints' lists of addresses differ by region; the routes lead to nothing else.
    this.securityGroup.addEgressRule(Peer.anyIpv4(), Port.tcp(443), 'S3 and DynamoDB, by the gateway endpoints');
    this.fileSystem = new FileSystem(this, 'Cache', {
      vpc: this.vpc,
      vpcSubnets: this.subnets,
      securityGroup: new SecurityGroup(this, 'Mounts', {
        vpc: this.vpc,
        description: 'The cache, which answers and never calls',
        allowAllOutbound: false,
      }),
      encrypted: true,
      throughputMode: ThroughputMode.ELASTIC,
      // A cache: whatever it holds is in S3 as well.
      enableAutomaticBackups: false,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.fileSystem.connections.allowDefaultPortFrom(this.securityGroup, 'Cache, from its functions');
    this.fileSystem.addToResourcePolicy(
      new PolicyStatement({
        sid: 'TlsOnly',
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: [
          'elasticfilesystem:ClientMount',
          'elasticfilesystem:ClientWrite',
          'elasticfilesystem:ClientRootAccess',
        ],
        conditions: { Bool: { 'aws:SecureTransport': 'false' } },
      }),
    );
    this.accessPoint = this.fileSystem.addAccessPoint('AccessPoint', {
      path: '/cache',
      posixUser: { uid: OWNER, gid: OWNER },
      createAcl: { ownerUid: OWNER, ownerGid: OWNER, permissions: '750' },
    });
  }

  /** What passes an endpoint: these actions on this resource, by principals of this account. */
  #lead(endpoint: GatewayVpcEndpoint, actions: string[], resource: string): void {
    endpoint.addToPolicy(
      new PolicyStatement({
        principals: [new AnyPrincipal()],
        actions,
        resources: [resource],
        conditions: { StringEquals: { 'aws:PrincipalAccount': Stack.of(this).account } },
      }),
    );
  }
}
