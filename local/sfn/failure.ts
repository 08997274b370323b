import { inspect } from 'node:util';

/** The limits that Step Functions puts on `error` and `cause`, in characters. */
const ERROR_LIMIT = 256;
const CAUSE_LIMIT = 32_768;

/**
 * A state failed. `error` is what `ErrorEquals` matches, `reason` is the `Cause`. One that is not `catchable` fails the
 * execution whatever `Retry` and `Catch` say, as `States.Runtime` and `States.DataLimitExceeded` do in AWS.
 */
export class StateFailure extends Error {
  override readonly name = 'StateFailure';
  readonly error: string;
  readonly reason: string | undefined;
  readonly catchable: boolean;
  constructor(error: string, reason?: string, options: { catchable?: boolean } = {}) {
    super(reason === undefined ? error : `${error}: ${reason}`);
    this.error = error.slice(0, ERROR_LIMIT);
    this.reason = reason?.slice(0, CAUSE_LIMIT);
    this.catchable = options.catchable ?? true;
  }
}

/** What a thrown value becomes when a Lambda function throws it: its name, and a JSON string as the cause. */
export function lambdaFailure(thrown: unknown): StateFailure {
  const error = thrown instanceof Error ? thrown : new Error(typeof thrown === 'string' ? thrown : inspect(thrown));
  const trace = (error.stack ?? '').split('\n');
  const describe = (lines: string[]) =>
    JSON.stringify({ errorType: error.name, errorMessage: error.message, trace: lines });
  const cause = describe(trace);
  // Cutting the JSON text would leave something that HandleFailure cannot parse.
  return new StateFailure(error.name, cause.length <= CAUSE_LIMIT ? cause : describe([]));
}

interface Matchable {
  ErrorEquals: string[];
}

/** The first retrier or catcher that names this error, with its index; the wildcards as the states language has them. */
export function firstMatch<T extends Matchable>(
  rules: readonly T[] | undefined,
  failure: StateFailure,
): { rule: T; index: number } | undefined {
  if (!failure.catchable) return undefined;
  for (const [index, rule] of (rules ?? []).entries()) {
    if (rule.ErrorEquals.some((name) => covers(name, failure.error))) return { rule, index };
  }
  return undefined;
}

function covers(name: string, error: string): boolean {
  if (name === error || name === 'States.ALL') return true;
  return name === 'States.TaskFailed' && error !== 'States.Timeout';
}
