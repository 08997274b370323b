/**
 * The cache and its network: EFS can be mounted only from within a VPC. The only routes out of a VPC made here are
 * those of two gateway endpoints, which cost nothing and lead to the one bucket and the one table. So an attacker who
 * takes over the process that runs Chroma on producers' data cannot connect to anything else. The process can still
 * query the VPC's resolver, which no security group covers, and so leak about a hundred bytes per query to the name
 * server of a domain. docs/deploy.md, "Names that the engine may ask for", says how to close that. Lambda delivers logs
 * and traces itself, from outside.
 */
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import {
  type GatewayVpcEndpoint,
  GatewayVpcEndpointAwsService,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  type SubnetSelection,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { type AccessPoint, FileSystem, ThroughputMode } from 'aws-cdk-lib/aws-efs';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { explain } from '../acknowledgements.ts';
import { actionsOn } from '../grants.ts';
import { CACHE_VERBS } from '../verbs.ts';
import type { Storage } from './storage.ts';
import type { StatusTable } from './table.ts';

/** The user that functions run as; the access point makes it the owner of every file. */
const OWNER = '10001';

/** An existing network, with its routes to S3 and DynamoDB. */
export interface GivenNetwork {
  vpc: IVpc;
  /** Default: the isolated subnets, or those with a way out if there are none. */
  subnets?: SubnetSelection | undefined;
}

export interface CacheNetworkProps {
  storage: Storage;
  table: StatusTable;
  /** Default: a VPC of its own, from which nothing but the bucket and the table can be reached. */
  given?: GivenNetwork | undefined;
  /** Encrypts the cache. Default: the account's key for EFS. */
  key?: IKey | undefined;
}

export class CacheNetwork extends Construct {
  readonly vpc: IVpc;
  readonly subnets: SubnetSelection;
  readonly securityGroup: SecurityGroup;
  readonly accessPoint: AccessPoint;
  readonly fileSystem: FileSystem;

  constructor(scope: Construct, id: string, { storage, table, given, key }: CacheNetworkProps) {
    super(scope, id);
    this.vpc = given?.vpc ?? this.#makeVpc(storage, table);
    const hasIsolated = this.vpc.isolatedSubnets.length > 0;
    this.subnets = given?.subnets ?? {
      subnetType: hasIsolated ? SubnetType.PRIVATE_ISOLATED : SubnetType.PRIVATE_WITH_EGRESS,
    };
    this.securityGroup = new SecurityGroup(this, 'Functions', {
      vpc: this.vpc,
      description: 'Functions that mount the cache',
      allowAllOutbound: false,
    });
    // Any address is allowed, since the endpoints' address ranges differ by region; the routes lead nowhere else.
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
      ...(key === undefined ? {} : { kmsKey: key }),
      throughputMode: ThroughputMode.ELASTIC,
      // No backups: everything in the cache is in S3 as well.
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

  #makeVpc({ bucket }: Storage, { table }: StatusTable): Vpc {
    const vpc = new Vpc(this, 'Vpc', {
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [{ name: 'isolated', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 }],
    });
    const s3 = vpc.addGatewayEndpoint('s3', { service: GatewayVpcEndpointAwsService.S3 });
    this.#lead(s3, actionsOn('objects', CACHE_VERBS), bucket.arnForObjects('*'));
    this.#lead(s3, actionsOn('bucket', CACHE_VERBS), bucket.bucketArn);
    const dynamodb = vpc.addGatewayEndpoint('dynamodb', { service: GatewayVpcEndpointAwsService.DYNAMODB });
    this.#lead(dynamodb, actionsOn('table', CACHE_VERBS), table.tableArn);
    explain(
      vpc,
      'AwsSolutions-VPC7',
      'No route leads out of this network but to S3 and DynamoDB, which log on their own; names asked of the resolver are in no flow log.',
    );
    return vpc;
  }

  /** Allows through an endpoint these actions on this resource, by principals of this account. */
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
