/** Finds what `explain` is asked about: an execution, or a delta in one of the collections. */
import { DescribeExecutionCommand, ExecutionDoesNotExist, paginateListExecutions } from '@aws-sdk/client-sfn';
import { decodeTime } from 'ulid';
import { type DeltaTrace, traceDelta } from '../../lambdas/producer/trace-delta.ts';
import { isDeltaId, POINTERS_PREFIX, parsePointerKey } from '../../lambdas/snapshot/keys.ts';
import { resolveName } from '../resolve-name.ts';
import type { Target } from '../target.ts';

/** Number of executions searched for the one that made a commit. */
const MAX_EXECUTIONS = 200;

/** All collections of the store, in the order of their names. */
export async function listCollections({ ports }: Target): Promise<string[]> {
  const collections: string[] = [];
  for await (const page of ports.store.list(POINTERS_PREFIX)) {
    for (const { key } of page) {
      const parsed = parsePointerKey(key);
      if (parsed !== undefined) collections.push(parsed.collection);
    }
  }
  return collections;
}

/** ARN of the execution given by its ARN or name; `undefined`: there is none. */
export async function findExecution(target: Target, subject: string): Promise<string | undefined> {
  const isArn = subject.startsWith('arn:');
  const named = target.stateMachineArn.replace(':stateMachine:', ':execution:');
  const executionArn = isArn ? subject : `${named}:${subject}`;
  if (!isArn && !/^[A-Za-z0-9_-]{1,80}$/.test(subject)) return undefined;
  try {
    await target.sfn.send(new DescribeExecutionCommand({ executionArn }));
    return executionArn;
  } catch (error) {
    if (error instanceof ExecutionDoesNotExist) return undefined;
    throw error;
  }
}

/**
 * Finds the deltas of `<collection>/<delta id>`, or of a delta id in one collection or in all. Returns those of which
 * anything is known.
 */
export async function findDeltas(target: Target, subject: string, collection?: string): Promise<DeltaTrace[]> {
  const [, inside, name = subject] = /^(?:deltas\/)?(.+)\/([^/]+)$/.exec(subject) ?? [];
  if (!isDeltaId(name)) return [];
  const named = collection ?? inside;
  const only = named === undefined ? undefined : await resolveName(target.ports, named);
  if (only !== undefined) return [await traceDelta(target.ports, only, name)];
  const found: DeltaTrace[] = [];
  for (const each of await listCollections(target)) {
    const trace = await traceDelta(target.ports, each, name);
    if (trace.inbox !== null || trace.status !== null || trace.ledger !== null) found.push(trace);
  }
  return found;
}

/** ARN of the execution that made a commit, if it is among the latest: the one that ran when it was sealed. */
export async function findCommitter(target: Target, collection: string, commitId: string): Promise<string | undefined> {
  const sealedAt = decodeTime(commitId);
  let seen = 0;
  const pages = paginateListExecutions({ client: target.sfn }, { stateMachineArn: target.stateMachineArn });
  for await (const { executions = [] } of pages) {
    for (const { executionArn = '', startDate, stopDate } of executions) {
      const isInTime = (startDate?.getTime() ?? 0) <= sealedAt && sealedAt <= (stopDate?.getTime() ?? Date.now());
      if (isInTime && (await isCommitter(target, executionArn, collection, commitId))) return executionArn;
      if (++seen >= MAX_EXECUTIONS) return undefined;
    }
  }
  return undefined;
}

/** Decided by its output, or by its input while there is no output. */
async function isCommitter(target: Target, executionArn: string, collection: string, commitId: string) {
  const { input = '', output } = await target.sfn.send(new DescribeExecutionCommand({ executionArn }));
  if (output === undefined) return input.includes(JSON.stringify(collection));
  const state = JSON.parse(output) as {
    collection?: string;
    committed?: { commitId?: string; version?: number } | null;
  };
  if (state.collection !== collection || !state.committed) return false;
  // The output of an execution with several commits names only its last one.
  return state.committed.commitId === commitId || decodeTime(state.committed.commitId ?? '') > decodeTime(commitId);
}
