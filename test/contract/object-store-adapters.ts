/** Stores for the contract suites: each open is a folder or a prefix of its own. */
import { type OpenS3Options, openS3Store } from '../../lambdas/adapters/store/s3-clients.ts';
import type { ObjectStore } from '../../lambdas/ports.ts';
import type { StoreUnderTest } from './object-store-suite.ts';

export function numbered(handle: (n: number) => ObjectStore): Pick<StoreUnderTest, 'open' | 'reopen'> {
  let n = 0;
  return {
    open: () => {
      n += 1;
      return handle(n);
    },
    reopen: () => handle(n),
  };
}

/** Prefixes of a bucket at an S3 endpoint, emptied at the end. Default: the endpoint and credentials of the environment. */
export function openBucket(bucket: string, options: OpenS3Options = {}): StoreUnderTest {
  const run = `contract-${process.pid}-${Date.now()}`;
  const at = (prefix: string) => openS3Store(`s3://${bucket}/${prefix}`, options);
  return {
    ...numbered((n) => at(`${run}/${n}`)),
    etagPerWrite: false,
    close: async () => {
      const all = at(run);
      for await (const page of all.list('')) await Promise.all(page.map(({ key }) => all.delete(key)));
    },
  };
}
