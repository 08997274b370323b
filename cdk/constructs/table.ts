/** Locks, claims and statuses. */
import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { DeploymentConfig } from '../deployment.ts';

export interface StatusTableProps {
  config: DeploymentConfig;
  /** Default: DynamoDB's own, which costs nothing by the request. */
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
      // Set on items only if statusTtlDays is.
      timeToLiveAttribute: 'ttl',
      // Outlives the stack, but not a first deployment that fails: that would leave a table behind with each try.
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
      // By a setting, since a rollback cannot delete what is protected: CloudFormation has no "except on create" for it.
      deletionProtection: config.deletionProtection,
    });
  }
}
