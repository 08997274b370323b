/** Which executions belong to a collection, and why its last one failed. Step Functions lists by machine alone. */
import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  ExecutionStatus,
  paginateListExecutions,
} from '@aws-sdk/client-sfn';
import { mapLimit } from '../lambdas/concurrency/map-limit.ts';
import { messageInCause } from '../lambdas/errors/lambda-cause.ts';
import type { Target } from './target.ts';

/** Latest executions looked through, of all collections together: a description of each is a request. */
const MAX_LOOKED_AT = 100;
const AT_ONCE = 8;
const FAILED = [ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT, ExecutionStatus.ABORTED] as const;

type Executions = Pick<Target, 'sfn' | 'stateMachineArn'>;

export interface LastError {
  /** Name of the execution. */
  execution: string;
  status: string;
  /** Name of the error; the status where there is none. */
  error: string;
  message: string;
  /** When the execution ended, ISO 8601. */
  at: string;
  /** A version was committed since: what was wrong is mended, or did not stop it. */
  over: boolean;
}

/** Executions of one collection, the latest first, as far as they are among the latest of all. */
export async function executionsOf(
  target: Executions,
  collection: string,
  limit: number,
): Promise<DescribeExecutionCommandOutput[]> {
  const found: DescribeExecutionCommandOutput[] = [];
  for await (const described of describeLatest(target)) {
    if (collectionOf(described) === collection) found.push(described);
    if (found.length === limit) break;
  }
  return found;
}

/** An execution of one collection that runs, if it is among the latest of all that do. */
export async function runningOf(
  target: Executions,
  collection: string,
): Promise<DescribeExecutionCommandOutput | undefined> {
  for await (const described of describeLatest(target, ExecutionStatus.RUNNING)) {
    if (collectionOf(described) === collection) return described;
  }
  return undefined;
}

/** The latest failure of one collection, if it is among the latest of all. */
export async function lastError(
  target: Executions,
  collection: string,
  committedAt: string,
): Promise<LastError | null> {
  let last: DescribeExecutionCommandOutput | undefined;
  for (const status of FAILED) {
    for await (const described of describeLatest(target, status)) {
      if (collectionOf(described) !== collection) continue;
      last = later(last, described);
      break;
    }
  }
  return last === undefined ? null : errorOf(last, committedAt);
}

/** The latest failure of each collection that has one among the latest of all. */
export async function latestFailures(target: Executions): Promise<Map<string, DescribeExecutionCommandOutput>> {
  const found = new Map<string, DescribeExecutionCommandOutput>();
  for (const status of FAILED) {
    for await (const described of describeLatest(target, status)) {
      const collection = collectionOf(described);
      if (collection !== undefined) found.set(collection, later(found.get(collection), described));
    }
  }
  return found;
}

/** @param committedAt Of the current version, ISO 8601; `null` if that cannot be read. */
export function errorOf(failed: DescribeExecutionCommandOutput, committedAt: string | null): LastError {
  const { name = '', status = 'FAILED', error, cause } = failed;
  return {
    execution: name,
    status,
    error: error ?? status,
    message: cause === undefined ? 'no cause is given' : messageInCause(cause),
    at: new Date(endOf(failed)).toISOString(),
    over: committedAt !== null && Date.parse(committedAt) > endOf(failed),
  };
}

function later(
  known: DescribeExecutionCommandOutput | undefined,
  other: DescribeExecutionCommandOutput,
): DescribeExecutionCommandOutput {
  return known !== undefined && endOf(known) >= endOf(other) ? known : other;
}

function endOf({ stopDate }: DescribeExecutionCommandOutput): number {
  return stopDate?.getTime() ?? 0;
}

async function* describeLatest({ sfn, stateMachineArn }: Executions, statusFilter?: ExecutionStatus) {
  let left = MAX_LOOKED_AT;
  const request = { stateMachineArn, ...(statusFilter !== undefined && { statusFilter }) };
  for await (const { executions = [] } of paginateListExecutions({ client: sfn, pageSize: MAX_LOOKED_AT }, request)) {
    const looked = executions.slice(0, left);
    // A few at a time: whoever asks has often found enough after the first.
    for (let at = 0; at < looked.length; at += AT_ONCE) {
      yield* await mapLimit(looked.slice(at, at + AT_ONCE), AT_ONCE, ({ executionArn }) =>
        sfn.send(new DescribeExecutionCommand({ executionArn })),
      );
    }
    left -= looked.length;
    if (left === 0) return;
  }
}

/** By its input; `undefined` for one that names none. */
function collectionOf({ input }: DescribeExecutionCommandOutput): string | undefined {
  try {
    const { collection } = JSON.parse(input ?? '') as { collection?: unknown };
    return typeof collection === 'string' ? collection : undefined;
  } catch {
    return undefined;
  }
}
