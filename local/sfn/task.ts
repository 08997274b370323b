import { fromText, type Json, jsonText, type Retrier, type StateDefinition } from './definition.ts';
import { firstMatch, lambdaFailure, StateFailure } from './failure.ts';
import type { Emit } from './history.ts';
import { interruptible, type Time } from './time.ts';

/** Stands for a Lambda function or a service call; keyed by the name of the Task state. */
// biome-ignore lint/suspicious/noExplicitAny: each handler states its own input; the state machine's tests hold the two together.
export type TaskHandler = (input: any) => Promise<unknown>;

/** Largest input or output of a state, in UTF-8 bytes, as in AWS. */
export const PAYLOAD_LIMIT_BYTES = 262_144;

/** Without a reason an abort would create an error with a stack, which is not needed. */
const OVER = 'over';

export interface TaskRun {
  name: string;
  state: StateDefinition;
  handler: TaskHandler;
  time: Time;
  random: () => number;
  signal: AbortSignal;
  emit: Emit;
}

/**
 * Invoke the handler of a Task state with its effective input until it succeeds or `Retry` is exhausted, writing the
 * history of each attempt.
 * @throws StateFailure (of the last attempt), or the signal's reason once it aborts; a handler that is running then
 * continues, and its result is ignored, as in Lambda
 */
export async function runTask(task: TaskRun, input: Json): Promise<Json> {
  const retries: number[] = [];
  for (;;) {
    try {
      return await attempt(task, input);
    } catch (thrown) {
      if (!(thrown instanceof StateFailure)) throw thrown;
      const match = firstMatch(task.state.Retry, thrown);
      if (match === undefined) throw thrown;
      const { rule, index } = match;
      // Counted per retrier: an error of another kind in between does not reset it.
      const retry = retries[index] ?? 0;
      if (retry >= (rule.MaxAttempts ?? 3)) throw thrown;
      retries[index] = retry + 1;
      const delayMs = retryDelaySeconds(rule, retry, task.random) * 1000;
      await interruptible(task.signal, task.time.sleep(delayMs, task.signal, 'retry'));
    }
  }
}

/** Seconds before retry number `retry` (from 0) of a retrier. Full jitter is uniform between zero and the delay. */
export function retryDelaySeconds(retrier: Retrier, retry: number, random: () => number): number {
  const grown = (retrier.IntervalSeconds ?? 1) * (retrier.BackoffRate ?? 2) ** retry;
  const capped = Math.min(grown, retrier.MaxDelaySeconds ?? Number.POSITIVE_INFINITY);
  return retrier.JitterStrategy === 'FULL' ? capped * random() : capped;
}

async function attempt(task: TaskRun, input: Json): Promise<Json> {
  const events = attemptEvents(task, input);
  events.scheduled();
  // Parsed again for each attempt, so that changes to the input in one attempt do not affect the next, as over the
  // wire.
  const invoked = invoke(task, JSON.parse(jsonText(input)));
  const timer = new AbortController();
  try {
    const output = await interruptible(task.signal, Promise.race([invoked, timeout(task, timer.signal)]));
    events.succeeded(output);
    return output;
  } catch (thrown) {
    if (thrown instanceof StateFailure) events.failed(thrown);
    throw thrown;
  } finally {
    timer.abort(OVER);
  }
}

async function invoke({ name, handler }: TaskRun, input: Json): Promise<Json> {
  let serialised: string;
  try {
    // A function that returns nothing returns null to Step Functions.
    serialised = JSON.stringify((await handler(input)) ?? null);
  } catch (thrown) {
    throw thrown instanceof StateFailure ? thrown : lambdaFailure(thrown);
  }
  assertPayload(name, serialised);
  return fromText(serialised);
}

/** @throws StateFailure `States.DataLimitExceeded` */
export function assertPayload(state: string, text: string): void {
  if (Buffer.byteLength(text) <= PAYLOAD_LIMIT_BYTES) return;
  throw new StateFailure(
    'States.DataLimitExceeded',
    `The state/task '${state}' returned a result with a size exceeding the maximum number of bytes service limit.`,
  );
}

async function timeout({ state, time }: TaskRun, signal: AbortSignal): Promise<never> {
  if (state.TimeoutSeconds === undefined) return new Promise<never>(() => {});
  await time.sleep(state.TimeoutSeconds * 1000, signal, 'task-timeout');
  throw new StateFailure('States.Timeout');
}

interface AttemptEvents {
  scheduled(): void;
  succeeded(output: Json): void;
  failed(failure: StateFailure): void;
}

/** Lambda functions and service integrations have different history events. */
function attemptEvents({ state, emit }: TaskRun, input: Json): AttemptEvents {
  const resource = state.Resource ?? '';
  const timeoutInSeconds = state.TimeoutSeconds;
  const details = (failure: StateFailure) => ({ error: failure.error, cause: failure.reason });
  const service = /^arn:[^:]+:states:[^:]*:[^:]*:(?<type>.+):(?<call>[^:]+)$/.exec(resource)?.groups;
  if (service === undefined) {
    return {
      scheduled: () => {
        const inputDetails = { truncated: false };
        emit('LambdaFunctionScheduled', {
          lambdaFunctionScheduledEventDetails: { resource, input: jsonText(input), inputDetails, timeoutInSeconds },
        });
        emit('LambdaFunctionStarted', {});
      },
      succeeded: (output) =>
        emit('LambdaFunctionSucceeded', {
          lambdaFunctionSucceededEventDetails: { output: jsonText(output), outputDetails: { truncated: false } },
        }),
      failed: (failure) =>
        failure.error === 'States.Timeout'
          ? emit('LambdaFunctionTimedOut', { lambdaFunctionTimedOutEventDetails: details(failure) })
          : emit('LambdaFunctionFailed', { lambdaFunctionFailedEventDetails: details(failure) }),
    };
  }
  const call = { resourceType: service.type, resource: service.call };
  return {
    scheduled: () => {
      emit('TaskScheduled', {
        taskScheduledEventDetails: { ...call, region: 'us-east-1', parameters: jsonText(input), timeoutInSeconds },
      });
      emit('TaskStarted', { taskStartedEventDetails: call });
    },
    succeeded: (output) =>
      emit('TaskSucceeded', {
        taskSucceededEventDetails: { ...call, output: jsonText(output), outputDetails: { truncated: false } },
      }),
    failed: (failure) =>
      failure.error === 'States.Timeout'
        ? emit('TaskTimedOut', { taskTimedOutEventDetails: { ...call, ...details(failure) } })
        : emit('TaskFailed', { taskFailedEventDetails: { ...call, ...details(failure) } }),
  };
}
