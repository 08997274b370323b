/**
 * The environment variables of AWS's SDKs and CLI, boto3 and `compactor` itself, by which a program runs on this stack
 * as it does on AWS (docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html).
 */
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BUCKET } from './s3/server.ts';

export interface LocalAddresses {
  /** `undefined`: objects are stored elsewhere. */
  s3Endpoint: string | undefined;
  storeUrl: string;
  tableEndpoint: string;
  tableName: string;
  sfnEndpoint: string;
  stateMachineArn: string;
}

/** Credentials are placeholders: the servers on this machine check none, but SDKs require some. */
export function awsEnvironment(addresses: LocalAddresses): Record<string, string> {
  const { s3Endpoint, storeUrl, tableEndpoint, tableName, sfnEndpoint, stateMachineArn } = addresses;
  return {
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    ...(s3Endpoint === undefined ? {} : { AWS_ENDPOINT_URL_S3: s3Endpoint }),
    AWS_ENDPOINT_URL_DYNAMODB: tableEndpoint,
    AWS_ENDPOINT_URL_SFN: sfnEndpoint,
    STORE_URL: s3Endpoint === undefined ? storeUrl : `s3://${BUCKET}`,
    TABLE_NAME: tableName,
    STATE_MACHINE_ARN: stateMachineArn,
  };
}

/** Writes a file for the shell's `source`. @returns its path */
export async function writeAwsEnvironment(dataDirectory: string, addresses: LocalAddresses): Promise<string> {
  const path = join(dataDirectory, 'aws.env');
  const lines = Object.entries(awsEnvironment(addresses)).map(([name, value]) => `export ${name}='${quoted(value)}'`);
  await writeFile(path, `${lines.join('\n')}\n`);
  return resolve(path);
}

/** Quotes a value for a shell, in single quotes. */
function quoted(value: string): string {
  return value.replaceAll("'", `'\\''`);
}
