/** Opens the store of a configured URL. */
import { fileURLToPath } from 'node:url';
import { ConfigurationError } from '../../errors/errors.ts';
import type { ObjectStore } from '../../ports.ts';
import { FileStore } from './file-store.ts';
import { type OpenS3Options, openS3Store } from './s3-clients.ts';

/**
 * @param url `s3://bucket/prefix` or `file:///dir`
 * @param options for S3 only
 * @throws ConfigurationError
 * @example openStore('s3://vectors/production').url
 */
export function openStore(url: string, options: OpenS3Options = {}): ObjectStore {
  if (url.startsWith('s3://')) return openS3Store(url, options);
  // With only two slashes the first folder would be taken for a host.
  if (/^file:\/\/\/[^?#]+$/.test(url)) return new FileStore(fileURLToPath(url));
  throw new ConfigurationError(
    `"${url}" is no store. Use "s3://my-bucket/prefix" or "file:///absolute/folder" (three slashes).`,
  );
}
