/**
 * Records which AWS calls each verb makes: real adapters over an S3 server, a DynamoDB server, and a Step Functions
 * client that answers without a network. The engine and the cache are in memory, since they make no AWS calls.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { DeleteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import type { Verb } from '../../cdk/verbs.ts';
import { EventBridgeAnnouncer } from '../../lambdas/adapters/eventbridge-announcer.ts';
import { SfnExecutions } from '../../lambdas/adapters/sfn-executions.ts';
import { S3Store } from '../../lambdas/adapters/store/s3-store.ts';
import { SystemClock, SystemIds } from '../../lambdas/adapters/system.ts';
import { IDENTITY_KEY } from '../../lambdas/adapters/table/dynamo-lock-attributes.ts';
import { DynamoLocks } from '../../lambdas/adapters/table/dynamo-locks.ts';
import { DynamoStatuses } from '../../lambdas/adapters/table/dynamo-statuses.ts';
import { handler as collectGarbage } from '../../lambdas/collect-garbage.ts';
import { HANDLERS } from '../../lambdas/handlers.ts';
import type { Ports, Settings } from '../../lambdas/ports.ts';
import { encodePointer } from '../../lambdas/protocol/pointer.ts';
import { runWithPorts } from '../../lambdas/runtime/handler.ts';
import { pointerKey } from '../../lambdas/snapshot/keys.ts';
import { handler as startCompaction } from '../../lambdas/start-compaction.ts';
import { handler as sweep } from '../../lambdas/sweep.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { readDefinition } from '../../local/machines.ts';
import { systemTime } from '../../local/sfn/time.ts';
import { startTable } from '../../local/table.ts';
import { MemoryCache } from '../support/memory-cache.ts';
import { MemoryDirectories } from '../support/memory-directories.ts';
import { COLLECTION, type MemoryPorts, memoryPorts } from '../support/memory-ports.ts';
import { type Run, run } from '../support/run-machine.ts';
import { type S3Server, startS3Server, TEST_BUCKET } from '../support/s3-server.ts';
import { ACTIONS, type S3Request } from './bucket-policy.ts';
import type { TableUpdate } from './table-policy.ts';

// biome-ignore lint/suspicious/noExplicitAny: each verb has its own input and output.
const ALL: Readonly<Record<string, (input: any) => Promise<any>>> = {
  ...HANDLERS,
  StartCompaction: startCompaction,
  Sweep: sweep,
  CollectGarbage: collectGarbage,
};

/** Whose calls are told apart. */
export type Caller = Verb | 'ServeEndpoint';

export interface Recorder {
  server: S3Server;
  /** `<action> <prefix of the key>` for S3's objects, `<action>` for all else. */
  calls: ReadonlyMap<Caller, ReadonlySet<string>>;
  /** Verbs that ran, whether they called anybody or not. */
  invoked: ReadonlySet<Caller>;
  /** Whatever was sent to S3, by verbs and by others. */
  requests: readonly S3Request[];
  /** Updates of items, each with the verb that sent it. */
  updates: ReadonlyArray<{ verb: Caller; update: TableUpdate }>;
  /** Ports with empty cache and directories, over the same store and table. */
  ports(settings?: Partial<Settings>): MemoryPorts;
  /** Run the handler of a verb, recorded. */
  // biome-ignore lint/suspicious/noExplicitAny: each verb has its own input and output.
  invoke(verb: Verb, ports: Ports, input: unknown): Promise<any>;
  /** Do something as the endpoint does it, recorded. */
  serve<Result>(task: () => Promise<Result>): Promise<Result>;
  /** Run a machine, each of its Lambdas recorded. `before` happens before a state's first visit, unrecorded. */
  execute(ports: MemoryPorts, input: object, options?: ExecuteOptions): Promise<Run>;
  /** What an operator may do at any time; unrecorded. */
  deleteLock(collection: string): Promise<void>;
  /** As a store was before tables had an identity; unrecorded. */
  forgetIdentity(): Promise<void>;
  close(): Promise<void>;
}

export interface ExecuteOptions {
  machine?: string;
  before?: Readonly<Record<string, () => Promise<unknown>>>;
}

export async function startRecorder(): Promise<Recorder> {
  const [server, table] = await Promise.all([startS3Server(), startTable()]);
  const verbs = new AsyncLocalStorage<Caller | undefined>();
  const calls = new Map<Caller, Set<string>>();
  const invoked = new Set<Caller>();
  const requests: S3Request[] = [];
  const updates: Array<{ verb: Caller; update: TableUpdate }> = [];
  const recording = <Result>(verb: Caller, task: () => Promise<Result>): Promise<Result> => {
    invoked.add(verb);
    return verbs.run(verb, task);
  };
  const note = (service: string, command: string, input: Record<string, unknown>) => {
    const name = command.replace(/Command$/, '');
    const key = typeof input.Key === 'string' ? input.Key : undefined;
    if (service === 's3') requests.push(requestOf(name, key ?? '', input));
    const verb = verbs.getStore();
    if (verb === undefined) return;
    if (name === 'UpdateItem') updates.push({ verb, update: input as unknown as TableUpdate });
    const call = `${service}:${ACTIONS[name] ?? name}${key === undefined ? '' : ` ${key.split('/')[0]}/`}`;
    calls.set(verb, (calls.get(verb) ?? new Set()).add(call));
  };
  const recorded = <Client extends S3Client | DynamoDBClient | SFNClient | EventBridgeClient>(
    service: string,
    client: Client,
  ): Client => {
    (client as S3Client).middlewareStack.add(
      (next, context) => (args) => {
        note(service, String(context.commandName), args.input as unknown as Record<string, unknown>);
        return next(args);
      },
      { step: 'initialize', name: 'record', priority: 'high' },
    );
    return client;
  };
  const sfn = recorded('states', new SFNClient({ region: 'us-east-1' }));
  sfn.middlewareStack.add(() => async () => ({ output: { $metadata: {}, status: 'FAILED' }, response: {} }) as never, {
    step: 'initialize',
    name: 'answer',
    priority: 'low',
  });
  const events = recorded('events', new EventBridgeClient({ region: 'us-east-1' }));
  events.middlewareStack.add(() => async () => ({ output: { $metadata: {}, Entries: [] }, response: {} }) as never, {
    step: 'initialize',
    name: 'answer',
    priority: 'low',
  });
  const dynamo = recorded('dynamodb', new DynamoDBClient(table.clientConfig));
  const store = new S3Store({
    client: recorded('s3', new S3Client({ ...server.config, requestChecksumCalculation: 'WHEN_REQUIRED' })),
    writer: recorded(
      's3',
      new S3Client({ ...server.config, requestChecksumCalculation: 'WHEN_REQUIRED', maxAttempts: 1 }),
    ),
    bucket: TEST_BUCKET,
    prefix: '',
  });
  const ports = (settings: Partial<Settings> = {}): MemoryPorts => {
    const clock = Object.assign(new SystemClock(() => {}), { time: systemTime });
    const memory = memoryPorts({ settings: { heartbeatIntervalMs: 1, ...settings } });
    return {
      ...memory,
      store,
      locks: new DynamoLocks(dynamo, table.tableName),
      statuses: new DynamoStatuses(dynamo, table.tableName),
      executions: Object.assign(new SfnExecutions(sfn, 'arn:machine'), { statuses: new Map() }),
      announcer: new EventBridgeAnnouncer(events, 'default'),
      cache: new MemoryCache(),
      directories: new MemoryDirectories(),
      clock,
      // Not seeded: all ports share one store, where a commit id must never come twice.
      ids: new SystemIds(),
    } as unknown as MemoryPorts;
  };
  return {
    server,
    calls,
    invoked,
    requests,
    updates,
    ports,
    invoke: (verb, own, input) =>
      recording(verb, () => runWithPorts(own, () => ALL[verb]?.(input) ?? Promise.reject(new Error(verb)))),
    serve: (task) => recording('ServeEndpoint', task),
    execute: (own, input, { machine = 'compaction', before = {} } = {}) => {
      const { States } = JSON.parse(readDefinition(machine)) as { States: Record<string, { Resource?: string }> };
      const pending = new Map(Object.entries(before));
      const wrap = Object.fromEntries(
        Object.entries(States).flatMap(([state, { Resource = '' }]) => {
          const verb = /^\$\{(\w+)Arn\}$/.exec(Resource)?.[1] as Verb | undefined;
          if (verb === undefined) return [];
          // biome-ignore lint/suspicious/noExplicitAny: what a state's handler gets is the ASL file's business.
          const around = (real: (input: any) => Promise<any>) => async (given: any) => {
            const first = pending.get(state);
            pending.delete(state);
            await verbs.run(undefined, async () => first?.());
            return recording(verb, () => real(given));
          };
          return [[state, around]];
        }),
      );
      const handlers: Record<string, () => Promise<object>> =
        machine === 'compaction' ? {} : { StartSuccessor: async () => ({}) };
      return run(own, input as never, { machine, wrap, handlers });
    },
    deleteLock: async (collection) => {
      const Key = { collection: { S: collection }, item: { S: 'LOCK' } };
      await verbs.run(undefined, () => dynamo.send(new DeleteItemCommand({ TableName: table.tableName, Key })));
    },
    forgetIdentity: () =>
      verbs.run(undefined, async () => {
        const Key = { collection: { S: IDENTITY_KEY.collection }, item: { S: IDENTITY_KEY.item } };
        await dynamo.send(new DeleteItemCommand({ TableName: table.tableName, Key }));
        const { pointer, etag } = await readPointer({ store }, COLLECTION);
        const legacy = encodePointer({ ...pointer, statusTable: table.tableName });
        await store.putIfMatch(pointerKey(COLLECTION), legacy, etag);
      }),
    close: async () => {
      await Promise.all([server.close(), table.close()]);
      for (const client of [sfn, events, dynamo]) client.destroy();
    },
  };
}

function requestOf(
  operation: string,
  key: string,
  { IfMatch, IfNoneMatch, CopySource }: Record<string, unknown>,
): S3Request {
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  return { operation, key, ifMatch: text(IfMatch), ifNoneMatch: text(IfNoneMatch), copySource: text(CopySource) };
}
