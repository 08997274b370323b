/**
 * The stack with an endpoint: its role may do what its requests really do, and nothing else; what it writes passes the
 * bucket's policy, and wakes the machine; the URL, the token and the limits of its function.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseEndpointConfig } from '../../lambdas/runtime/endpoint-config.ts';
import { makeAnswerer } from '../../lambdas/runtime/function-url.ts';
import { urlEvent } from '../endpoint/url-events.ts';
import { type MemoryPorts, submit } from '../support/memory-ports.ts';
import { MemoryApiEngine } from '../support/model-api.ts';
import { refusedBy, type S3Request } from './bucket-policy.ts';
import { type Caller, type Recorder, startRecorder } from './recorder.ts';
import { listOf, type Resource, type Statement, shown, synthesise } from './support.ts';
import { allowsUpdate } from './table-policy.ts';

const NAME = 'ServeEndpoint';
const DATABASES = '/api/v2/tenants/default_tenant/databases';
const COLLECTIONS = `${DATABASES}/default_database/collections`;
const template = synthesise({ endpoint: true, endpointConcurrency: 5 });
const served = template.resources[template.functionOf(NAME)] as Resource;

/** Granted although no run needs it, and why. */
const NOT_RECORDED: Readonly<Record<string, string>> = {
  's3:ListBucket': 'without it S3 answers 403 instead of 404 for a key that is absent',
  'secretsmanager:GetSecretValue': 'the token: test/unit/secret-token.test.ts',
};
/** What runs a function at all, and is no call of ours. */
const OF_THE_RUNTIME = /^(logs|xray):/;

type Ask = (method: string, path: string, body?: object) => Promise<{ statusCode: number; text: string }>;

let recorder: Recorder;
/** Requests to S3 that the endpoints sent. */
let sent: S3Request[] = [];

function openEndpoint(ports: MemoryPorts): Ask {
  const api = new MemoryApiEngine();
  // The server finds nothing wrong with the form of these.
  for (const path of ['/api/v2/tenants', DATABASES]) api.answers.set(path, '{}');
  const { answer } = makeAnswerer(ports, { config: parseEndpointConfig({}), api });
  return (method, path, body) =>
    recorder.serve(async () => {
      const before = recorder.requests.length;
      const event = urlEvent({ method, path, body: body && JSON.stringify(body) });
      const { statusCode, body: text } = await answer(event);
      sent = [...sent, ...recorder.requests.slice(before)];
      if (statusCode >= 500) throw new Error(`${method} ${path}: ${statusCode}: ${text}`);
      return { statusCode, text };
    });
}

const row = (id: string) => ({ ids: [id], embeddings: [[1, 2, 3, 4]] });

/** @returns what the first collection is stored as */
async function playEverything(ask: Ask, other: Ask): Promise<string> {
  await ask('POST', '/api/v2/tenants', { name: 'team' });
  await ask('GET', '/api/v2/tenants/team');
  for (const name of ['first', 'second']) await ask('POST', DATABASES, { name });
  await ask('GET', DATABASES);
  await ask('DELETE', `${DATABASES}/second`);
  const { text } = await ask('POST', COLLECTIONS, { name: 'pets' });
  const { id } = JSON.parse(text) as { id: string };
  const pets = `${COLLECTIONS}/${id}`;
  await ask('POST', COLLECTIONS, { name: 'doomed' });
  await ask('DELETE', `${COLLECTIONS}/doomed`);
  await ask('GET', `${COLLECTIONS}?limit=5`);
  await ask('POST', `${pets}/add`, row('one'));
  await other('POST', `${pets}/add`, row('two'));
  const stored = /^deltas\/([^/]+)\//.exec(sent.find(({ key }) => key.startsWith('deltas/'))?.key ?? '')?.[1] ?? '';
  await submit(recorder.ports(), 'dropped', [{ op: 'upsert', id: 'three', embedding: [3, 3, 3, 3] }], stored);
  expect(JSON.parse((await ask('POST', `${pets}/get`, {})).text).ids.sort()).toEqual(['one', 'three', 'two']);
  return stored;
}

beforeAll(async () => {
  recorder = await startRecorder();
});
afterAll(() => recorder.close());

describe('an endpoint', () => {
  let stored = '';

  it('is granted what it calls, and nothing else', async () => {
    const [ask, other] = [openEndpoint(recorder.ports()), openEndpoint(recorder.ports())];
    stored = await playEverything(ask, other);
    // Two commits, so that the first number has left the ledger; then the one that was asleep comes to a number of before.
    const machine = recorder.ports();
    const commit = async () => (await recorder.execute(machine, { collection: stored })).path.at(-1);
    expect(await commit()).toBe('Compacted');
    const { id } = JSON.parse((await other('GET', `${COLLECTIONS}/pets`)).text) as { id: string };
    await other('POST', `${COLLECTIONS}/${id}/add`, row('four'));
    expect(await commit()).toBe('Compacted');
    await ask('POST', `${COLLECTIONS}/${id}/add`, row('five'));
    expect(JSON.parse((await ask('GET', `${COLLECTIONS}/${id}/count`)).text)).toBe(5);

    const called = recorder.calls.get(NAME) ?? new Set();
    const allowed = granted(NAME);
    expect({
      missing: [...called].filter((call) => !allowed.has(call)),
      unused: [...allowed].filter((call) => !called.has(call) && !(call in NOT_RECORDED)),
    }).toEqual({ missing: [], unused: [] });
    // What reads the log, merges it and settles it, calls nothing that it may not.
    for (const [caller, calls] of recorder.calls) {
      expect(
        [...calls].filter((call) => !granted(caller).has(call)),
        caller,
      ).toEqual([]);
    }
  });

  it('passes the bucket policy, and may make pointers but move none', () => {
    const policy = template.ofType('AWS::S3::BucketPolicy')[0]?.[1].Properties.PolicyDocument.Statement;
    for (const request of sent) expect(refusedBy(policy, request), JSON.stringify(request)).toBeUndefined();
    const puts = sent.filter(({ operation, key }) => operation === 'PutObject' && key.startsWith('pointers/'));
    expect(puts.map(({ ifNoneMatch }) => ifNoneMatch)).toEqual(['*']);
    const [put] = statements().filter(
      ({ Action, Resource }) => listOf(Action).includes('s3:PutObject') && shown(Resource).includes('/pointers/'),
    );
    expect(put?.Condition).toEqual({ Null: { 's3:if-none-match': 'false' } });
  });

  it('updates nothing of the table but its identity', () => {
    const updates = recorder.updates.filter(({ verb }) => verb === NAME).map(({ update }) => update);
    expect(updates.length).toBeGreaterThan(0);
    for (const update of updates) expect(allowsUpdate(statements(), update), JSON.stringify(update)).toBe(true);
    const lock = { Key: { collection: { S: stored }, item: { S: 'LOCK' } }, UpdateExpression: 'ADD wake :one' };
    expect(allowsUpdate(statements(), lock)).toBe(false);
  });

  it('wakes the machine by what it writes, as every producer', async () => {
    const key =
      sent.find(({ operation, key: put }) => operation === 'PutObject' && put.startsWith('deltas/'))?.key ?? '';
    const [[, bucket] = []] = template.ofType('AWS::S3::Bucket');
    const [{ Filter }] = bucket?.Properties.NotificationConfiguration.QueueConfigurations ?? [];
    expect(key.startsWith(Filter.S3Key.Rules[0].Value)).toBe(true);
    const started: string[] = [];
    const ports = recorder.ports();
    const start = async (_: string, { collection }: { collection: string }) => {
      started.push(collection);
      return 'started' as const;
    };
    const executions = { ...ports.executions, status: async () => undefined, start };
    const body = JSON.stringify({ Records: [{ eventName: 'ObjectCreated:Put', s3: { object: { key } } }] });

    await recorder.invoke('StartCompaction', { ...ports, executions }, { Records: [{ messageId: 'm', body }] });

    expect(started).toEqual([stored]);
  });

  it('runs from the image of the merges, by its own handler, within what was chosen', () => {
    const merge = template.resources[template.functionOf('MergeDeltas')] as Resource;
    expect(served.Properties.Code).toEqual(merge.Properties.Code);
    expect(served.Properties).toMatchObject({
      ImageConfig: { Command: ['serve-endpoint.handler'] },
      MemorySize: 3_008,
      EphemeralStorage: { Size: 4_096 },
      Timeout: 120,
      ReservedConcurrentExecutions: 5,
      TracingConfig: { Mode: 'Active' },
    });
    expect([served.Properties.VpcConfig, merge.Properties.ImageConfig]).toEqual([undefined, undefined]);
    expect(parseEndpointConfig(variables(served))).toMatchObject({ maxServers: 1, maxBatchSize: 250 });
  });

  it('has a URL for everybody, and a token that nobody has seen', () => {
    const [[url, token, secret]] = [
      [
        template.ofType('AWS::Lambda::Url')[0]?.[1].Properties,
        template.ofType('AWS::SecretsManager::Secret')[0],
        variables(served).ENDPOINT_TOKEN_SECRET,
      ],
    ] as const;
    expect(url).toMatchObject({ AuthType: 'NONE', InvokeMode: 'BUFFERED' });
    expect(secret).toBe(`<${token?.[0]}>`);
    expect(token?.[1].Properties).toMatchObject({ GenerateSecretString: { PasswordLength: 48 } });
    expect(token?.[1].Properties.SecretString).toBeUndefined();
    const callers = template
      .ofType('AWS::Lambda::Permission')
      .map(([, { Properties }]) => Properties)
      .filter(({ FunctionName }) => shown(FunctionName) === `<${template.functionOf(NAME)}.Arn>`);
    expect(callers).toMatchObject([{ FunctionUrlAuthType: 'NONE' }, { InvokedViaFunctionUrl: true }]);
  });

  it('has a URL for those who sign, and no token, where that was chosen', () => {
    const { ofType, resources, functionOf } = synthesise({ endpoint: true, endpointAuth: 'iam' });

    expect(ofType('AWS::Lambda::Url').map(([, { Properties }]) => Properties.AuthType)).toEqual(['AWS_IAM']);
    expect(ofType('AWS::SecretsManager::Secret')).toEqual([]);
    expect(variables(resources[functionOf(NAME)] as Resource).ENDPOINT_TOKEN_SECRET).toBeUndefined();
    const everybody = ofType('AWS::Lambda::Permission').filter(([, { Properties }]) => Properties.Principal === '*');
    expect(everybody).toEqual([]);
  });

  it('is not there unless it is asked for', () => {
    const { ofType, resources } = synthesise();

    expect([ofType('AWS::Lambda::Url'), ofType('AWS::SecretsManager::Secret')]).toEqual([[], []]);
    const others = Object.entries(template.resources).filter(([id]) => !/^(Alarms)?Endpoint|^Overview/.test(id));
    expect(others).toEqual(Object.entries(resources).filter(([id]) => !id.startsWith('Overview')));
  });
});

function variables({ Properties }: Resource): Record<string, string> {
  const entries = Object.entries(Properties.Environment.Variables as Record<string, unknown>);
  return Object.fromEntries(entries.map(([name, value]) => [name, shown(value)]));
}

function statements(caller: Caller = NAME): Statement[] {
  const { Properties } = template.resources[template.functionOf(caller)] as Resource;
  return template.statementsOf(shown(Properties.Role).replace(/^<|\.Arn>$/g, ''));
}

/** What the template lets a role call, as the recorder writes calls. */
function granted(caller: Caller): Set<string> {
  const calls = statements(caller).flatMap(({ Action, Resource }) =>
    listOf(Action).flatMap((action) =>
      listOf(Resource).map((resource) => {
        const prefix = /\/([a-z]+\/)\*$/.exec(shown(resource))?.[1];
        return prefix === undefined ? action : `${action} ${prefix}`;
      }),
    ),
  );
  return new Set(calls.filter((call) => !OF_THE_RUNTIME.test(call)));
}
