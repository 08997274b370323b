import { openFileStore } from '../lambdas/adapters/store/open-file-store.ts';
import type { ObjectStore } from '../lambdas/ports.ts';

/**
 * Opens the store of a local stack. It is nearly always a folder, for which the SDK of S3 need not be loaded. @throws
 * ConfigurationError
 */
export async function openLocalStore(url: string): Promise<ObjectStore> {
  if (!url.startsWith('s3://')) return openFileStore(url);
  const { openStore } = await import('../lambdas/adapters/store/open-store.ts');
  return openStore(url);
}
