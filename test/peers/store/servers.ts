/** S3 servers that others wrote, each with an empty bucket. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { type PeerServer, startServer } from '../servers.ts';

export interface PeerBucket {
  bucket: string;
  /** For any S3 client: path style and credentials are set. */
  config: S3ClientConfig;
  close(): Promise<void>;
}

const BUCKET = 'vectors';
const CREDENTIALS = { accessKeyId: 'peer', secretAccessKey: 'peersecret' };
const MOTO = fileURLToPath(new URL('../runtimes/moto_store_and_table.py', import.meta.url));

/** Over a directory of its own; connections are kept alive, as S3 keeps them. */
export async function startVersitygw(program: string): Promise<PeerBucket> {
  const root = await mkdtemp(join(tmpdir(), 'versitygw-'));
  const { accessKeyId, secretAccessKey } = CREDENTIALS;
  const keys = ['--access', accessKeyId, '--secret', secretAccessKey];
  const server = await startServer({
    name: 'versitygw',
    command: (port) => [program, '--port', `127.0.0.1:${port}`, ...keys, '--keep-alive', '--quiet', 'posix', root],
  });
  return bucketAt(server, () => rm(root, { recursive: true }));
}

/** @param bin Programs of a Python environment. */
export async function startMotoStore(bin: string): Promise<PeerBucket> {
  return bucketAt(await startMoto(bin));
}

/** One request at a time: its file says why. `threads` to show that. */
export function startMoto(bin: string, ...threads: 'threads'[]): Promise<PeerServer> {
  return startServer({
    name: 'moto',
    command: (port) => [join(bin, 'python'), MOTO, String(port), ...threads],
    readyPath: '/moto-api/data.json',
  });
}

async function bucketAt(server: PeerServer, afterwards: () => Promise<void> = async () => {}): Promise<PeerBucket> {
  const config = { endpoint: server.url, region: 'us-east-1', credentials: CREDENTIALS, forcePathStyle: true };
  const client = new S3Client(config);
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  client.destroy();
  const close = async () => {
    await server.stop();
    await afterwards();
  };
  return { bucket: BUCKET, config, close };
}
