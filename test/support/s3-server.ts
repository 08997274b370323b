/**
 * S3 over the wire, on this machine. fauxqs ignores the conditions on writes and lists in the order of the locale, so
 * hooks on its Fastify app add what S3 does: atomic conditions, digests, listing in UTF-8 order. Answers can be
 * scripted.
 */
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { type BuildAppOptions, buildApp } from 'fauxqs';
// The package exports its app only, but the conditions need the state behind it.
import { S3Store as Buckets } from '../../node_modules/fauxqs/dist/s3/s3Store.js';
import {
  type Answer,
  answerBefore,
  rememberDigest,
  type S3Request,
  uploadsOpened,
  withDigest,
  xmlError,
} from './s3-server-rules.ts';

/** An answer to give once, to the next matching request. */
export interface ScriptedAnswer {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Whole key within the bucket; default: any. */
  key?: string;
  status: number;
  /** S3 error code. */
  code: string;
  /** Do what was asked before answering so: a lost response. */
  after?: boolean;
}

export interface S3Server {
  endpoint: string;
  bucket: string;
  /** For `openS3Store`: path style and credentials are set. */
  config: S3ClientConfig & { endpoint: string };
  failNext(answer: ScriptedAnswer): void;
  /** Requests received so far, as `METHOD key`, the key being that within the bucket. */
  requests(): string[];
  /** Multipart uploads neither completed nor aborted. */
  openUploads(): number;
  close(): Promise<void>;
}

export const TEST_BUCKET = 'compactor-test';

/** Listens on a free port of 127.0.0.1 until closed. */
export async function startS3Server(): Promise<S3Server> {
  const buckets = new Buckets();
  buckets.createBucket(TEST_BUCKET);
  const stores = { s3Store: buckets } as NonNullable<BuildAppOptions['stores']>;
  const app = buildApp({ logger: false, stores });
  const scripted: ScriptedAnswer[] = [];
  const log: string[] = [];
  const turns = new Map<string, Promise<void>>();
  const afterwards = new WeakMap<object, Answer>();
  let openUploads = 0;

  // Parts are larger than fauxqs allows.
  app.removeContentTypeParser('*');
  const parser = { parseAs: 'buffer', bodyLimit: 64 * 1024 * 1024 } as const;
  app.addContentTypeParser('*', parser, (_request, body, done) => done(null, body));

  app.addHook('preHandler', async (incoming, reply) => {
    const request = incoming as unknown as S3Request;
    const key = request.params['*'] ?? '';
    log.push(`${request.method} ${key}`);
    // The key is held until the response is out: checking and writing are one step, as in S3.
    const answered = new Promise<void>((resolve) => reply.raw.once('close', resolve));
    const previous = turns.get(key) ?? Promise.resolve();
    if (key !== '') turns.set(key, Promise.all([previous, answered]).then());
    await previous;

    const index = scripted.findIndex((s) => s.method === request.method && (s.key === undefined || s.key === key));
    const [script] = index < 0 ? [] : scripted.splice(index, 1);
    const answer = script && { status: script.status, body: xmlError(script.code) };
    if (answer !== undefined && script?.after) afterwards.set(incoming, answer);
    const early = script === undefined || script.after ? answerBefore(buckets, request) : answer;
    if (early !== undefined) {
      return reply.code(early.status).header('content-type', 'application/xml').send(early.body);
    }
  });

  app.addHook('onSend', async (incoming, reply, payload) => {
    const request = incoming as unknown as S3Request;
    rememberDigest(buckets, request, reply.statusCode);
    openUploads += uploadsOpened(request, reply.statusCode);
    withDigest(buckets, request, (name, value) => reply.header(name, value));
    const lost = afterwards.get(incoming);
    if (lost === undefined) return payload;
    reply.code(lost.status).header('content-type', 'application/xml').removeHeader('content-length');
    return lost.body;
  });

  const endpoint = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    endpoint,
    bucket: TEST_BUCKET,
    config: {
      endpoint,
      forcePathStyle: true,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    },
    failNext: (answer) => void scripted.push(answer),
    requests: () => [...log],
    openUploads: () => openUploads,
    close: () => app.close(),
  };
}
