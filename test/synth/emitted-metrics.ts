/**
 * Every metric that the code emits: the workflow runs with the telemetry of production, and its embedded metrics are
 * captured from standard output.
 */
import { expect, vi } from 'vitest';
import { createApp } from '../../lambdas/endpoint/app.ts';
import { Endpoint } from '../../lambdas/endpoint/endpoint.ts';
import { EngineUnavailableError, StoreUnavailableError } from '../../lambdas/errors/errors.ts';
import { NAMESPACE } from '../../lambdas/protocol/metrics.ts';
import { PowertoolsTelemetry } from '../../lambdas/runtime/telemetry.ts';
import { packKey, pointerKey } from '../../lambdas/snapshot/keys.ts';
import { collectAllGarbage } from '../../lambdas/upkeep/collect-garbage.ts';
import { throws } from '../support/faulty.ts';
import { MemoryEngine } from '../support/memory-engine.ts';
import { COLLECTION, type MemoryPorts, type MemoryPortsOptions, submit } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { ScriptedApi } from '../support/scripted-api.ts';
import { EXPIRY_MS, fence, INPUT, submitNumber, waitingPorts } from '../workflow/support.ts';
import { append, names } from '../workflow/unreached.ts';

/** `name unit dimension,...`, dimensions in alphabetical order. */
export type Emitted = string;

interface EmbeddedMetrics {
  _aws?: {
    CloudWatchMetrics: Array<{
      Namespace: string;
      Dimensions: string[][];
      Metrics: Array<{ Name: string; Unit: string }>;
    }>;
  };
  service?: string;
}

export const series = (name: string, unit: string, dimensions: readonly string[]): Emitted =>
  `${name} ${unit} ${[...dimensions].sort().join(',')}`;

/** What is written to standard output while `task` runs. */
async function capture(task: () => Promise<unknown>): Promise<string> {
  let text = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += chunk;
    return true;
  });
  const warnings = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    await task();
  } finally {
    write.mockRestore();
    warnings.mockRestore();
  }
  return text;
}

async function playEverything(telemetry: PowertoolsTelemetry): Promise<void> {
  const reporting = async (options?: MemoryPortsOptions) =>
    Object.assign(await waitingPorts(options), { telemetry }) as unknown as MemoryPorts;
  const ports = await reporting();
  await submit(ports, 'bad', Buffer.from('not JSON\n'));
  await run(ports, INPUT);
  // The pointer moves before the swap; the engine fails once; a delta stays unreadable.
  const disturbed = await reporting();
  const moved = { on: 'locks.acquireLock', in: 'AcquireSwapLock', times: 1, before: () => fence(disturbed) };
  const broken = { on: 'engine.open', times: 1, before: throws(new EngineUnavailableError('planted')) };
  await run(disturbed, INPUT, { faults: [moved, broken] });
  const unreadable = await reporting();
  const refused = throws(new StoreUnavailableError('planted'));
  await run(unreadable, INPUT, {
    faults: [
      { on: 'store.get', in: 'MergeDeltas', when: ({ args }) => String(args[0]).endsWith('d-00003'), before: refused },
    ],
  });
  // The engine gives no answer to one delta.
  const hanging = await reporting({ engine: { hangs: ({ id }) => id === 'heavy' } });
  await submit(hanging, 'heavy', [{ op: 'upsert', id: 'heavy', embedding: [1, 2, 3, 4] }]);
  await run(hanging, INPUT);
  // Most of a snapshot is waste, and it is a large one.
  const wasteful = await reporting({ engine: { slotBytes: 64 * 1024 * 1024 } });
  const ids = Array.from({ length: 20 }, (_, n) => `a-${n}`);
  const more = ids.map((id) => ({ op: 'upsert' as const, id, embedding: [1, 2, 3, 4] }));
  await submit(wasteful, 'more', more);
  await run(wasteful, INPUT);
  const fewer = ids.slice(0, -1).map((id) => ({ op: 'delete' as const, id }));
  await submit(wasteful, 'fewer', fewer);
  await run(wasteful, INPUT);
  // After the plan the lock is held by another one, and then the claim.
  const contended = await reporting();
  const overtake = async () => {
    const request = { owner: 'arn:other', phase: 'validation', pointerToken: 10, now: contended.clock.now() } as const;
    const { token } = await contended.locks.acquireLock(COLLECTION, { ...request, durationMs: 1_000 });
    const holder = { owner: request.owner, token };
    await contended.locks.takeClaim(COLLECTION, { holder, now: request.now, durationMs: EXPIRY_MS });
  };
  await run(contended, INPUT, {
    faults: [{ on: 'locks.acquireLock', in: 'AcquireValidationLock', times: 1, before: overtake }],
  });
  // The bus takes no event.
  const unheard = await reporting();
  await run(unheard, INPUT, { faults: [{ on: 'announcer.announce', before: refused }] });
  // Writes of an endpoint that a commit decides; reads by one: answered, refused, and failed.
  await playEndpoint(await reporting());
  // Garbage, and a collection whose garbage cannot be collected.
  await ports.store.putIfAbsent(packKey(COLLECTION, ports.ids.ulid(), 0), Buffer.from('orphan'));
  await submitNumber(ports, 9);
  await collectAllGarbage(ports, {});
  await ports.store.putIfAbsent('pointers/broken.json', Buffer.from('{}'));
  await collectAllGarbage(ports, {}).catch(() => undefined);
}

async function playEndpoint(ports: MemoryPorts): Promise<void> {
  await append(ports, COLLECTION, 1);
  await run(ports, INPUT);
  const { id } = (await names(ports).find(COLLECTION)) ?? { id: '' };
  const api = new ScriptedApi(new MemoryEngine({ version: '1.5.0' }));
  const endpoint = await Endpoint.start({ ...ports, api }, { readLevel: 'index_and_wal', allowReset: false });
  const app = createApp(endpoint);
  const path = `/api/v2/tenants/default_tenant/databases/default_database/collections/${id}/count`;
  const statuses = [(await app.request(path)).status];
  for (const server of api.servers) server.answers = () => ({ status: 400, body: '{}', contentType: undefined });
  statuses.push((await app.request(path)).status);
  await ports.store.delete(pointerKey(COLLECTION));
  await ports.store.putIfAbsent(pointerKey(COLLECTION), Buffer.from('{}'));
  statuses.push((await app.request(path)).status);
  await endpoint.close();
  expect(statuses.map((status) => Math.floor(status / 100))).toEqual([2, 4, 5]);
}

/** @param service that the metrics are emitted for: the name of the stack */
export async function emittedMetrics(service: string): Promise<Set<Emitted>> {
  const emitted = new Set<Emitted>();
  vi.stubEnv('POWERTOOLS_SERVICE_NAME', service);
  const text = await capture(() => playEverything(new PowertoolsTelemetry()));
  vi.unstubAllEnvs();
  for (const line of text.split('\n').filter((written) => written.startsWith('{'))) {
    const { _aws, service: named } = JSON.parse(line) as EmbeddedMetrics;
    for (const { Namespace, Dimensions, Metrics } of _aws?.CloudWatchMetrics ?? []) {
      expect([Namespace, named]).toEqual([NAMESPACE, service]);
      for (const { Name, Unit } of Metrics) {
        for (const set of Dimensions) emitted.add(series(Name, Unit, set));
      }
    }
  }
  return emitted;
}

/** Metrics of AWS's own that are read, with the dimension by which each exists. */
export const AWS_METRICS = new Set([
  'AWS/SQS ApproximateNumberOfMessagesVisible QueueName',
  'AWS/States ExecutionsFailed StateMachineArn',
  'AWS/States ExecutionsAborted StateMachineArn',
  'AWS/States ExecutionsTimedOut StateMachineArn',
  'AWS/SQS ApproximateAgeOfOldestMessage QueueName',
  'AWS/Lambda Errors FunctionName',
  'AWS/Lambda Invocations FunctionName',
  'AWS/Lambda Throttles FunctionName',
  'AWS/Lambda Duration FunctionName',
  'AWS/Lambda Url5xxCount FunctionName',
]);
