/**
 * The cache and its network: EFS can be mounted only from within a VPC. There is no way out of it but the two gateway
 * endpoints, which cost nothing: the functions with the cache talk to S3 and DynamoDB alone. Lambda itself delivers logs
 * and traces, from outside.
 */
import { RemovalPolicy } from 'aws-cdk-lib';
import {
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

/** The functions' user; the access point makes every file theirs. */
const OWNER = '10001';

export class CacheNetwork extends Construct {
  readonly vpc: Vpc;
  readonly subnets: SubnetSelection = { subnetType: SubnetType.PRIVATE_ISOLATED };
  readonly securityGroup: SecurityGroup;
  readonly accessPoint: AccessPoint;
  readonly fileSystem: FileSystem;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.vpc = new Vpc(this, 'Vpc', {
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [{ name: 'isolated', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 }],
      gatewayEndpoints: {
        s3: { service: GatewayVpcEndpointAwsService.S3 },
        dynamodb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
      },
    });
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
    this.securityGroup.addEgressRule(Peer.anyIpv4(), Port.tcp(443), 'S3 and DynamoDB, by the gateway endpoints');
    this.fileSystem = new FileSystem(this, 'Cache', {
      vpc: this.vpc,
      vpcSubnets: this.subnets,
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
}
