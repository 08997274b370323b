/** The store's contract suite on S3 servers that others wrote. */
import { openBucket } from '../../contract/object-store-adapters.ts';
import { describeObjectStore } from '../../contract/object-store-suite.ts';
import { expectDifferences } from '../differences.ts';
import type { Runtime } from '../install.ts';
import { describeWith, pythonRuntime } from '../runtimes.ts';
import { versitygwRuntime } from './runtime.ts';
import { type PeerBucket, startMotoStore, startVersitygw } from './servers.ts';

const moto = await pythonRuntime();
contractOn('versitygw', await versitygwRuntime(), startVersitygw);
contractOn('moto', moto, startMotoStore);

const ofMoto = [
  {
    test: "S3 by moto > S3Store > bodies > 'a stream of several parts, more than …' arrive whole, with the right digest",
    does: 'HEAD gives the digest of digests of an object made of parts without the number of parts ("-7") behind it.',
    fails: /to include '[0-9a-f]{8}/,
    reference: 'https://github.com/getmoto/moto/pull/9849 mended GET alone.',
  },
  ...["'bytes'", "'a stream'"].map((body) => ({
    test: `S3 by moto > S3Store > bodies > that are not what was announced are refused: ${body}`,
    does: 'PUT keeps the announced SHA-256 and never compares it with the body, where S3 answers BadDigest.',
    fails: /promise resolved "\{ etag: /,
    reference: 'https://github.com/getmoto/moto/issues/5719 asked for no more than its being kept.',
  })),
];
if ('where' in moto) expectDifferences(ofMoto);

function contractOn(name: string, runtime: Runtime, start: (where: string) => Promise<PeerBucket>): void {
  describeWith(`S3 by ${name}`, runtime, (where) => {
    describeObjectStore('S3Store', async () => {
      const { bucket, config, close } = await start(where);
      return { ...openBucket(bucket, { config }), close };
    });
  });
}
