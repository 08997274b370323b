import { request } from 'node:http';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LocalStepFunctions } from '../../local/sfn/executions.ts';
import { type SfnServer, startSfnServer } from '../../local/sfn/server.ts';

let local: LocalStepFunctions;
let server: SfnServer;

beforeEach(async () => {
  local = new LocalStepFunctions();
  server = await startSfnServer({ stepFunctions: local });
});

afterEach(async () => {
  await server.close();
  await local.close();
});

const LIST = { 'x-amz-target': 'AWSStepFunctions.ListStateMachines' };

/** One request by hand, since `fetch` does not let its caller choose the Host. */
function call(method: string, options: { path?: string; headers?: Record<string, string>; body?: string } = {}) {
  return new Promise<{ status: number | undefined; body: Record<string, unknown>; headers: object }>(
    (resolve, reject) => {
      const outgoing = request(
        { host: '127.0.0.1', port: server.port, method, path: options.path ?? '/', headers: options.headers ?? {} },
        async (response) => {
          const chunks: Buffer[] = [];
          for await (const chunk of response) chunks.push(chunk as Buffer);
          const text = Buffer.concat(chunks).toString();
          resolve({
            status: response.statusCode,
            headers: response.headers,
            body: text === '' ? {} : JSON.parse(text),
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(options.body);
    },
  );
}

it('answers a health check and the protocol, in its content type', async () => {
  expect(await call('GET', { path: '/health' })).toMatchObject({ status: 200, body: { status: 'ok' } });
  expect(await call('POST', { headers: LIST, body: '{}' })).toMatchObject({
    status: 200,
    body: { stateMachines: [] },
    headers: { 'content-type': 'application/x-amz-json-1.0' },
  });
});

it.each(['evil.example', 'evil.example:80', '127.0.0.1.evil.example'])('refuses the Host "%s"', async (host) => {
  expect(await call('POST', { headers: { ...LIST, host }, body: '{}' })).toMatchObject({
    status: 403,
    body: { __type: 'AccessDeniedException' },
  });
});

it.each(['localhost', 'LOCALHOST:1234', '127.0.0.1', '[::1]:80'])('accepts the Host "%s"', async (host) => {
  expect(await call('POST', { headers: { ...LIST, host }, body: '{}' })).toMatchObject({ status: 200 });
});

it('gives no permission to pages of other origins', async () => {
  const preflight = await call('OPTIONS', { headers: { origin: 'http://evil.example' } });

  expect(preflight.status).toBe(403);
  expect(Object.keys(preflight.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
});

it('refuses other methods, targets and bodies', async () => {
  expect(await call('GET')).toMatchObject({ status: 405 });
  expect(await call('PUT', { headers: LIST, body: '{}' })).toMatchObject({ status: 405 });
  expect(await call('POST', { body: '{}' })).toMatchObject({
    status: 400,
    body: { __type: 'UnknownOperationException' },
  });
  expect(await call('POST', { headers: { 'x-amz-target': 'AWSStepFunctions.constructor' } })).toMatchObject({
    status: 400,
    body: { __type: 'UnknownOperationException' },
  });
  expect(await call('POST', { headers: LIST, body: '{' })).toMatchObject({
    status: 400,
    body: { __type: 'SerializationException' },
  });
});

it('refuses a member that it does not know, which would not do here what it does there', async () => {
  expect(await call('POST', { headers: LIST, body: '{"maxResult":1}' })).toMatchObject({
    status: 400,
    body: { __type: 'ValidationException', message: '"maxResult" is unknown' },
  });
});

it('refuses a body of more than 1 MiB and stays well', async () => {
  const large = JSON.stringify({ nextToken: 'x'.repeat(8 * 1024 * 1024) });

  expect(await call('POST', { headers: LIST, body: large })).toMatchObject({ status: 413 });
  expect(await call('POST', { headers: LIST, body: '{}' })).toMatchObject({ status: 200 });
});

it('closes once, however often it is asked', async () => {
  await Promise.all([server.close(), server.close()]);

  await expect(call('GET', { path: '/health' })).rejects.toThrow(/ECONNREFUSED/);
});
