/**
 * What a customer-managed KMS key requires besides the grants on data. S3 and DynamoDB call KMS on behalf of their
 * caller, so each caller is granted just that, and only through the service. The key's policy must leave permissions to
 * the account's policies, as that of every key made by the CDK does.
 */
import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Grant } from './grants.ts';

export interface Keys {
  /** The bucket's key; `undefined` if S3's own keys encrypt it. */
  bucket: IKey | undefined;
  /** The table's key; `undefined` if DynamoDB's own key encrypts it. */
  table: IKey | undefined;
}

const READ_OBJECTS = ['Decrypt'];
/** To write further parts of an upload, S3 decrypts the data key that it generated for the first one. */
const WRITE_OBJECTS = ['Decrypt', 'GenerateDataKey'];
const USE_TABLE = ['Decrypt', 'DescribeKey', 'Encrypt', 'GenerateDataKey', 'ReEncryptFrom', 'ReEncryptTo'];

/** Statements for a principal that has these grants. */
export function keyStatements(grants: readonly Grant[], keys: Keys): PolicyStatement[] {
  const onObjects = grants.flatMap((grant) => (grant.on === 'objects' ? grant.actions : []));
  const usesTable = grants.some(({ on }) => on === 'table');
  const objects = onObjects.includes('s3:PutObject') ? WRITE_OBJECTS : READ_OBJECTS;
  return [
    ...(keys.bucket !== undefined && onObjects.length > 0 ? [statement(keys.bucket, 's3', objects)] : []),
    ...(keys.table !== undefined && usesTable ? [statement(keys.table, 'dynamodb', USE_TABLE)] : []),
  ];
}

function statement(key: IKey, service: string, actions: readonly string[]): PolicyStatement {
  return new PolicyStatement({
    actions: actions.map((action) => `kms:${action}`),
    resources: [key.keyArn],
    conditions: { StringEquals: { 'kms:ViaService': `${service}.${Stack.of(key).region}.amazonaws.com` } },
  });
}
