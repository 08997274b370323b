/** A local stack with real Chroma in a temporary directory, and what tests ask of it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineRecord } from '../../lambdas/ports.ts';
import { putDelta } from '../../lambdas/producer/put-delta.ts';
import { encodeDelta } from '../../lambdas/snapshot/delta.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import { createCollection } from '../../lambdas/upkeep/create-collection.ts';
import { withCheckout } from '../../lambdas/versions/checkout.ts';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import type { ExecutionRecord } from '../../local/sfn/store.ts';
import { type LocalStack, startStack } from '../../local/stack.ts';
import type { CompactionState } from '../../statemachine/contract.ts';

export const DIMENSION = 4;

export interface TestStack extends LocalStack {
  dataDirectory: string;
}

/** Run `test` on a fresh stack, which is stopped and removed afterwards. */
export async function withStack<Result>(test: (stack: TestStack) => Promise<Result>): Promise<Result> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'compactor-e2e-'));
  const stack = await startStack({ dataDirectory });
  try {
    return await test({ ...stack, dataDirectory });
  } finally {
    await stack.close();
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

export async function create(stack: LocalStack, collection: string): Promise<void> {
  await createCollection(stack.ports, { collection, dimension: DIMENSION, space: 'l2', creator: 'test' });
}

export async function submit(
  stack: LocalStack,
  collection: string,
  deltaId: string,
  operations: readonly Operation[],
): Promise<void> {
  await putDelta(stack.ports, { collection, deltaId, body: encodeDelta(operations) });
}

/** Start executions and wait until all that run have ended. */
export async function compact(stack: LocalStack, collection: string, executions = 1): Promise<ExecutionRecord[]> {
  const input = JSON.stringify({ collection });
  const started = Array.from({ length: executions }, () =>
    stack.stepFunctions.start({ stateMachineArn: stack.stateMachineArn, input }),
  );
  await stack.stepFunctions.idle();
  return started.map(({ executionArn }) => stack.stepFunctions.describe(executionArn));
}

/** Output of an execution that must have succeeded. */
export function stateOf(record: ExecutionRecord): CompactionState {
  if (record.status !== 'SUCCEEDED') throw new Error(`${record.status}: ${record.error}: ${record.cause}`);
  return JSON.parse(record.output ?? '{}') as CompactionState;
}

/** Name of the state that an execution ended in. */
export function endingOf(stack: LocalStack, record: ExecutionRecord): string {
  const entered = stack.stepFunctions.store
    .events({ executionArn: record.executionArn, limit: 25_000, reverse: false })
    .flatMap((event) => (event.stateEnteredEventDetails as { name: string } | undefined)?.name ?? []);
  return entered.at(-1) ?? '';
}

/** All records of the current version, from a checkout. */
export async function readRecords(
  stack: LocalStack,
  collection: string,
  ids: readonly string[],
): Promise<{ count: number; records: EngineRecord[] }> {
  const loaded = await findVersion(stack.ports, collection);
  return withCheckout(stack.ports, loaded, async (directory) => {
    const session = await stack.ports.engine.open(directory);
    try {
      await session.useCollection(collection, loaded.manifest);
      return { count: await session.count(), records: await session.get(ids) };
    } finally {
      await session.close();
    }
  });
}

/** `count` upserts with ids `<prefix>-<n>`, distinct in every field. */
export function upserts(prefix: string, count: number): Operation[] {
  return Array.from({ length: count }, (_, n) => ({
    op: 'upsert',
    id: `${prefix}-${n}`,
    embedding: [n, prefix.length, 0.5, -1 - n],
    metadata: { n, prefix },
    document: `${prefix} number ${n}`,
  }));
}
