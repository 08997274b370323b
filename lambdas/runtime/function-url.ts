/** The endpoint behind a function URL: a container starts it on its first request, and serves one request at a time. */
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Hono } from 'hono';
import { handle, type LambdaEvent } from 'hono/aws-lambda';
import { ChromaApiEngine } from '../adapters/chroma/api-engine.ts';
import { SecretToken } from '../adapters/secret-token.ts';
import { createApp } from '../endpoint/app.ts';
import { Endpoint } from '../endpoint/endpoint.ts';
import { createFront } from '../endpoint/front.ts';
import { refusal, toResponse } from '../endpoint/replies.ts';
import type { TokenSource } from '../endpoint/token.ts';
import type { ApiEngine, Ports } from '../ports.ts';
import { type EndpointConfig, parseEndpointConfig } from './endpoint-config.ts';

/**
 * Lambda's limit for the payload of an invocation and of its answer, in bytes of the JSON text, in which the body is a
 * string.
 */
const MAX_PAYLOAD_BYTES = 6_291_556;
/** Nothing runs between two requests, so idle time is no reason to close anything. */
const IDLE_MS = 24 * 60 * 60 * 1_000;
const MAX_SHARED = 512;

export interface UrlAnswer {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
  isBase64Encoded: boolean;
}

/** What a handler needs and returns, apart from the engine and the token. */
export interface FunctionUrlOptions {
  config?: EndpointConfig;
  api?: ApiEngine;
  token?: TokenSource;
}

export interface Answerer {
  answer(event: LambdaEvent): Promise<UrlAnswer>;
  /** Stop every Chroma server. In Lambda this is not needed: they end with the container. */
  close(): Promise<void>;
}

const answerers = new WeakMap<Ports, Answerer>();

/** @param event Payload 2.0 of a function URL. */
export async function answerRequest(ports: Ports, event: LambdaEvent): Promise<UrlAnswer> {
  const answerer = answerers.get(ports) ?? makeAnswerer(ports);
  answerers.set(ports, answerer);
  return answerer.answer(event);
}

/** Makes an endpoint that starts on the first request. @throws ConfigurationError */
export function makeAnswerer(
  ports: Ports,
  { config = parseEndpointConfig(process.env), api = new ChromaApiEngine(), token }: FunctionUrlOptions = {},
): Answerer {
  const { telemetry } = ports;
  let started: Promise<{ endpoint: Endpoint; app: Hono }> | undefined;
  const app = async (): Promise<Hono> => {
    started ??= start({ ...ports, api }, config).catch((error: unknown) => {
      started = undefined;
      throw error;
    });
    return (await started).app;
  };
  const front = createFront({ app, token: token ?? secretOf(ports, config), telemetry });
  const answer = handle(front);
  return {
    answer: async (event) => within((await answer(event)) as UrlAnswer),
    close: async () => (await started)?.endpoint.close(),
  };
}

async function start(ports: Ports & { api: ApiEngine }, config: EndpointConfig) {
  const { readLevel, maxServers, maxBatchSize } = config;
  const endpoint = await Endpoint.start(ports, {
    readLevel,
    allowReset: false,
    limits: { maxServers, maxShared: MAX_SHARED, idleMs: IDLE_MS },
    maxBodyBytes: MAX_PAYLOAD_BYTES,
    maxBatchSize,
    // The store is the stack's bucket, whose policy refuses unconditional writes, so no test is needed.
    isTried: true,
  });
  return { endpoint, app: createApp(endpoint) };
}

function secretOf(ports: Ports, { tokenSecret }: EndpointConfig): TokenSource | undefined {
  return tokenSecret === undefined ? undefined : new SecretToken(new SecretsManagerClient({}), tokenSecret, ports);
}

/** If an answer is too large, Lambda sends the client none of it, and no reason. */
async function within(answer: UrlAnswer): Promise<UrlAnswer> {
  // A character takes at most six bytes.
  if (answer.body.length * 6 < MAX_PAYLOAD_BYTES - 64 * 1024) return answer;
  const bytes = Buffer.byteLength(JSON.stringify(answer));
  if (bytes <= MAX_PAYLOAD_BYTES) return answer;
  const said =
    `The answer has ${bytes} bytes, and Lambda gives at most ${MAX_PAYLOAD_BYTES}. Ask for fewer records at a time ` +
    '(limit and offset, n_results), or include less.';
  const { status, body, headers } = toResponse(refusal(413, 'ChromaError', said));
  return {
    statusCode: status,
    headers: Object.fromEntries(headers),
    body: await new Response(body).text(),
    isBase64Encoded: false,
  };
}
