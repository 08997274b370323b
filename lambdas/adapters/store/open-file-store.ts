/** Opens a store in a folder by its URL. Kept apart from `open-store.ts`, which loads the SDK of S3. */
import { fileURLToPath } from 'node:url';
import { ConfigurationError } from '../../errors/errors.ts';
import { FileStore } from './file-store.ts';

/** @throws ConfigurationError (`url` is not that of a folder) */
export function openFileStore(url: string): FileStore {
  // With only two slashes the first folder would be taken for a host.
  if (/^file:\/\/\/[^?#]+$/.test(url)) return new FileStore(fileURLToPath(url));
  throw new ConfigurationError(
    `"${url}" is no store. Use "s3://my-bucket/prefix" or "file:///absolute/folder" (three slashes).`,
  );
}
