/** The two clients of an S3 store. */
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { ConfigurationError } from '../../errors/errors.ts';
import { S3Store } from './s3-store.ts';

export interface OpenS3Options {
  /** Another endpoint than AWS's, addressed by path. Default: `AWS_ENDPOINT_URL_S3`. */
  endpoint?: string;
  /** Id of the account that must own the bucket. */
  expectedBucketOwner?: string;
  /** Further settings for both clients, e.g. region and credentials. */
  config?: S3ClientConfig;
  /** Wraps both clients, e.g. for tracing. */
  capture?: (client: S3Client) => S3Client;
}

/** Idle time after which a connection counts as lost; S3 itself gives up after 20 s. */
const TIMEOUTS = { connectionTimeout: 5_000, socketTimeout: 30_000 };

/**
 * Open `s3://bucket` or `s3://bucket/prefix`. Reads have the SDK's retries, writes have none.
 * @throws ConfigurationError
 */
export function openS3Store(url: string, options: OpenS3Options = {}): S3Store {
  const { bucket, prefix } = parseS3Url(url);
  const { capture = (client) => client } = options;
  const endpoint = options.endpoint ?? (process.env.AWS_ENDPOINT_URL_S3 || undefined);
  const config: S3ClientConfig = {
    // Some stores refuse default checksums; where one matters, it is sent explicitly.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: TIMEOUTS,
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...options.config,
  };
  return new S3Store({
    client: capture(new S3Client(config)),
    writer: capture(new S3Client({ ...config, maxAttempts: 1 })),
    bucket,
    prefix,
    ...(options.expectedBucketOwner === undefined ? {} : { expectedBucketOwner: options.expectedBucketOwner }),
  });
}

function parseS3Url(url: string): { bucket: string; prefix: string } {
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(url) ?? [];
  const trimmed = prefix.replace(/\/$/, '');
  const clean = trimmed === '' || trimmed.split('/').every((segment) => /^[A-Za-z0-9._=-]+$/.test(segment));
  if (bucket === undefined || !clean) {
    throw new ConfigurationError(
      `"${url}" names no bucket and prefix. Write it as "s3://my-bucket" or "s3://my-bucket/some/prefix".`,
    );
  }
  return { bucket, prefix: trimmed };
}
