import { type Json, jsonText } from './definition.ts';
import { StateFailure } from './failure.ts';
import { type Emit, historyWriter } from './history.ts';
import type { RunOptions } from './run-options.ts';
import { systemTime } from './time.ts';
import { Walk } from './walk.ts';

/** Abort `RunOptions.signal` with this to give the `ExecutionAborted` event its error and cause. */
export class StopRequest extends Error {
  override readonly name = 'StopRequest';
  readonly error: string | undefined;
  readonly reason: string | undefined;
  constructor(error?: string, reason?: string) {
    super('The execution was stopped.');
    this.error = error;
    this.reason = reason;
  }
}

export type Outcome =
  | { status: 'SUCCEEDED'; output: Json }
  | { status: 'FAILED' | 'ABORTED' | 'TIMED_OUT'; error?: string | undefined; cause?: string | undefined };

class ExecutionTimeout extends Error {}

/** Shown as the role of an execution, as in AWS; it is not used here. */
export const ROLE_ARN = 'arn:aws:iam::000000000000:role/local';

/**
 * Run one execution from `StartAt` to its end. Never rejects because of a state or handler: that is a `FAILED` outcome.
 * Rejects only if `onEvent` throws, because an execution must not continue without its history.
 */
export async function runExecution(options: RunOptions): Promise<Outcome> {
  const time = options.time ?? systemTime;
  const clock = new AbortController();
  const signal = AbortSignal.any([clock.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const ended = new AbortController();
  const emit = historyWriter(() => time.now(), options.onEvent);
  emit('ExecutionStarted', {
    executionStartedEventDetails: {
      input: jsonText(options.input),
      inputDetails: { truncated: false },
      roleArn: ROLE_ARN,
    },
  });
  const limit = options.machine.definition.TimeoutSeconds;
  if (limit !== undefined) {
    time.sleep(limit * 1000, ended.signal, 'execution-timeout').then(
      () => clock.abort(new ExecutionTimeout()),
      () => {},
    );
  }
  try {
    const output = await new Walk({ ...options, time, signal, emit }).run();
    emit('ExecutionSucceeded', {
      executionSucceededEventDetails: { output: jsonText(output), outputDetails: { truncated: false } },
    });
    return { status: 'SUCCEEDED', output };
  } catch (thrown) {
    return endEarly(thrown, signal, emit);
  } finally {
    ended.abort('ended');
  }
}

function endEarly(thrown: unknown, signal: AbortSignal, emit: Emit): Outcome {
  if (signal.aborted && thrown === signal.reason) {
    if (thrown instanceof ExecutionTimeout) {
      emit('ExecutionTimedOut', { executionTimedOutEventDetails: {} });
      return { status: 'TIMED_OUT' };
    }
    const details = thrown instanceof StopRequest ? { error: thrown.error, cause: thrown.reason } : {};
    emit('ExecutionAborted', { executionAbortedEventDetails: details });
    return { status: 'ABORTED', ...details };
  }
  if (!(thrown instanceof StateFailure)) throw thrown;
  const details = { error: thrown.error, cause: thrown.reason };
  emit('ExecutionFailed', { executionFailedEventDetails: details });
  return { status: 'FAILED', ...details };
}
