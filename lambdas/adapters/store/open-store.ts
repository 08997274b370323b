/** From the configured URL to a store. */
import type { ObjectStore } from '../../ports.ts';
import { openFileStore } from './open-file-store.ts';
import { type OpenS3Options, openS3Store } from './s3-clients.ts';

/**
 * @param url `s3://bucket/prefix` or `file:///dir`
 * @param options for S3 only
 * @throws ConfigurationError
 * @example openStore('s3://vectors/production').url
 */
export function openStore(url: string, options: OpenS3Options = {}): ObjectStore {
  return url.startsWith('s3://') ? openS3Store(url, options) : openFileStore(url);
}
