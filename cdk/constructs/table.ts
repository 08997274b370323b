/** Locks, claims and statuses. */
import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { DeploymentConfig } from '../settings.ts';

export interface StatusTableProps {
  config: DeploymentConfig;
  /** Encrypts the table. Default: DynamoDB's own key, which costs nothing per request. */
  key?: IKey | undefined;
}

export class StatusTable extends Construct {
  readonly table: Table;

  constructor(scope: Construct, id: string, { config, key }: StatusTableProps) {
    super(scope, id);
    this.table = new Table(this, 'Table', {
      partitionKey: { name: 'collection', type: AttributeType.STRING },
      sortKey: { name: 'item', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      ...(key === undefined ? {} : { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey: key }),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      // Items have this attribute only if statusTtlDays is set.
      timeToLiveAttribute: 'ttl',
      // The table outlives the stack, but not a first deployment that fails: each attempt would leave a table behind.
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
      // A setting, since a rollback cannot delete a protected table: CloudFormation has no "except on create" for
      // protection.
      deletionProtection: config.deletionProtection,
    });
  }
}
