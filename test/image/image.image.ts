/**
 * The image of MergeDeltas, started by its own entry point and command: first as Lambda does it, then under Amazon's own
 * runtime interface emulator. Each lets it merge a delta with the Chroma that it brings.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { urlEvent } from '../endpoint/url-events.ts';
import { type Running, run, whyNot } from './container.ts';
import { readStart } from './dockerfile.ts';
import { type OneMerge, prepareMerge } from './one-merge.ts';
import { startRuntimeApi } from './runtime-api.ts';

const WORK = resolve('.work/image');
const ROOT = join(WORK, 'final');
const TRACE = '1-5759e988-bd862e3fe1be46a994272793';
/** What Lambda's own documents say is in the environment of every function. */
const LAMBDA = {
  PATH: '/usr/local/bin:/usr/bin/:/bin:/opt/bin',
  LAMBDA_TASK_ROOT: '/var/task',
  LAMBDA_RUNTIME_DIR: '/var/runtime',
  AWS_LAMBDA_FUNCTION_NAME: 'merge',
  AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '3008',
  AWS_LAMBDA_LOG_GROUP_NAME: 'merge',
  AWS_LAMBDA_LOG_STREAM_NAME: 'merge',
};

const reason = whyNot();
const start = readStart();
let merge: OneMerge | undefined;
let running: Running | undefined;

async function prepare(): Promise<OneMerge> {
  merge = await prepareMerge(ROOT, start.user);
  return merge;
}

describe.skipIf(reason !== undefined)(`the image of MergeDeltas${reason === undefined ? '' : `: ${reason}`}`, () => {
  beforeAll(() => {
    execFileSync('bash', ['test/image/build-on-debian13.sh', WORK], { stdio: 'inherit' });
  }, 1_200_000);

  afterEach(async () => {
    await running?.stop();
    await merge?.close();
    running = undefined;
    merge = undefined;
  });

  it.each([
    ['', 'blank, as without CMD'],
    ['index.handler', 'from CMD'],
  ])('merges a delta as Lambda starts it, with _HANDLER "%s": %s', async (handler) => {
    const { event, environment: own } = await prepare();
    // A stand-in for X-Ray's daemon: a part of a trace is a header line and JSON.
    const traced: Array<{ name: string; trace_id: string }> = [];
    const daemon = createSocket('udp4', (packet) => {
      traced.push(JSON.parse(packet.toString().split('\n')[1] ?? ''));
    }).bind(0, '127.0.0.1');
    await once(daemon, 'listening');
    const api = await startRuntimeApi(event, TRACE);
    const environment = {
      ...LAMBDA,
      ...start.environment,
      ...own,
      _HANDLER: handler,
      AWS_LAMBDA_RUNTIME_API: api.address,
      AWS_XRAY_DAEMON_ADDRESS: `127.0.0.1:${daemon.address().port}`,
    };

    running = run(ROOT, start, start.command, environment);
    const answer = await Promise.race([api.answer, endOf(running)]);

    expect(answer).toMatchObject({ next: 'upload', merge: { records: 1, deltas: 1 } });
    await vi.waitFor(() => expect(traced.map(({ name }) => name)).toContain('## mergeDeltas'));
    expect(traced.find(({ name }) => name === '## mergeDeltas')?.trace_id).toBe(TRACE);
    api.close();
    daemon.close();
  });

  it('serves an endpoint, by the other handler that is in it', async () => {
    const { environment: own } = await prepare();
    const event = urlEvent({ method: 'GET', path: '/api/v2/pre-flight-checks' });
    const api = await startRuntimeApi(event, TRACE);
    const environment = { ...LAMBDA, ...start.environment, ...own, AWS_LAMBDA_RUNTIME_API: api.address };
    const command = [...start.command.slice(0, -1), 'serve-endpoint.handler'];

    running = run(ROOT, start, command, environment);
    const answer = (await Promise.race([api.answer, endOf(running)])) as { statusCode: number; body: string };

    expect([answer.statusCode, JSON.parse(answer.body)]).toEqual([
      200,
      expect.objectContaining({ max_batch_size: 250 }),
    ]);
    api.close();
  });

  it("merges a delta under Amazon's runtime interface emulator", async ({ skip }) => {
    const go = spawnSync('go', ['version'], { encoding: 'utf8' });
    skip(go.status !== 0, 'Go is not installed');
    const built = join(WORK, 'aws-lambda-rie');
    execFileSync('go', ['build', '-C', fileURLToPath(new URL('rie', import.meta.url)), '-o', built, EMULATOR], {
      stdio: 'inherit',
      env: { ...process.env, CGO_ENABLED: '0' },
    });
    copyFileSync(built, join(ROOT, 'usr/local/bin/aws-lambda-rie'));
    const { event, environment: own } = await prepare();
    const [http, api] = [await freePort(), await freePort()];
    const addresses = [
      ...['--runtime-interface-emulator-address', `127.0.0.1:${http}`],
      ...['--runtime-api-address', `127.0.0.1:${api}`],
    ];
    const environment = {
      ...{ PATH: LAMBDA.PATH, AWS_LAMBDA_FUNCTION_TIMEOUT: '120', AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '3008' },
      ...start.environment,
      ...own,
    };

    running = run(ROOT, start, ['/usr/local/bin/aws-lambda-rie', ...addresses, ...start.command], environment);
    const answer = await Promise.race([invoke(http, event), endOf(running)]);

    expect(answer).toMatchObject({ next: 'upload', merge: { records: 1, deltas: 1 } });
    console.info(`The emulator's answer: ${JSON.stringify(answer)}`);
  });

  it('would not start by its client alone: Lambda leaves no handler in the environment', async () => {
    const client = ['/usr/local/bin/node', 'node_modules/aws-lambda-ric/index.mjs'];
    const environment = { ...LAMBDA, ...start.environment, _HANDLER: '', AWS_LAMBDA_RUNTIME_API: '127.0.0.1:1' };

    running = run(ROOT, start, client, environment);
    const code = await running.exited;

    expect(code).not.toBe(0);
    expect(running.output()).toContain('_HANDLER environment variable is not set');
  });

  it('says what to do when it is started without a handler', async () => {
    running = run(ROOT, start, start.command.slice(0, 1), { ...LAMBDA, ...start.environment });

    expect(await running.exited).toBe(142);
    expect(running.output()).toContain('Set CMD.');
  });
});

const EMULATOR = 'github.com/aws/aws-lambda-runtime-interface-emulator/cmd/aws-lambda-rie';

async function endOf({ exited, output }: Running): Promise<never> {
  const code = await exited;
  throw new Error(`The image ended with ${code}, and printed:\n${output()}`);
}

/** As the emulator's own documents invoke a function. It listens once it says so. */
async function invoke(port: number, event: unknown): Promise<unknown> {
  const url = `http://127.0.0.1:${port}/2015-03-31/functions/function/invocations`;
  const response = await vi.waitFor(() => fetch(url, { method: 'POST', body: JSON.stringify(event) }), {
    timeout: 60_000,
    interval: 50,
  });
  return response.json();
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
