/**
 * S3 on this machine, over the stack's own directory, which remains the only copy: whatever a producer writes here with
 * any SDK is what the local stack compacts. Conditional writes are those of the store (ADR 55).
 */
import { once } from 'node:events';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import type { ObjectStore } from '../../lambdas/ports.ts';
import { listen } from '../listen.ts';
import { createS3App } from './app.ts';
import { Uploads } from './uploads.ts';

export const BUCKET = 'compactor';

export interface LocalS3 {
  endpoint: string;
  close(): Promise<void>;
}

export interface LocalS3Options {
  /** The store that the bucket shows, from the root. */
  store: ObjectStore;
  /** For parts of uploads. Its folder `uploads` is emptied. */
  dataDirectory: string;
  /** 0 takes a free one. */
  port: number;
}

/** @throws ConfigurationError (the port cannot be opened) */
export async function startS3({ store, dataDirectory, port }: LocalS3Options): Promise<LocalS3> {
  const uploads = new Uploads(join(dataDirectory, 'uploads'));
  await uploads.clear();
  const app = createS3App({ name: BUCKET, store, uploads });
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  server.on('clientError', (_error, socket) => socket.destroy());
  const taken = await listen(server, 'S3', port, 'choose another one by --s3-port');
  const close = async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeIdleConnections();
    await closed;
  };
  return { endpoint: `http://127.0.0.1:${taken}`, close };
}
