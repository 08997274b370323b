import { inspect } from 'node:util';

/** Step Functions' limits on `error` and `cause`, in characters. */
const ERROR_LIMIT = 256;
const CAUSE_LIMIT = 32_768;

/**
 * A state failed. `error` is what `ErrorEquals` matches, `reason` is the `Cause`.
 */
export class StateFailure extends Error {
  override readonly name = 'StateFailure';
  readonly error: string;
  readonly reason: string | undefined;
  constructor(error: string, reason?: string) {
    super(reason === undefined ? error : `${error}: ${reason}`);
    this.error = error.slice(0, ERROR_LIMIT);
    this.reason = reason?.slice(0, CAUSE_LIMIT);
  }
}

/** Valid in the states language, but not supported here. `what` completes "uses ...". */
export class Unsupported extends Error {
  override readonly name = 'Unsupported';
}

/** The failure that results when a Lambda function throws a value: its name, and a JSON string as the cause. */
export function lambdaFailure(thrown: unknown): StateFailure {
  const error = thrown instanceof Error ? thrown : new Error(typeof thrown === 'string' ? thrown : inspect(thrown));
  const trace = (error.stack ?? '').split('\n');
  const describe = (lines: string[]) =>
    JSON.stringify({ errorType: error.name, errorMessage: error.message, trace: lines });
  const cause = describe(trace);
  // A truncated JSON text could not be parsed by HandleFailure.
  return new StateFailure(error.name, cause.length <= CAUSE_LIMIT ? cause : describe([]));
}

interface Matchable {
  ErrorEquals: string[];
}

/**
 * The first retrier or catcher that matches this error, with its index, including the wildcards of the states language.
 * In AWS `States.Runtime` fails the execution whatever the rules say, and the terminal error `States.DataLimitExceeded`
 * is only matched by its own name. Source:
 * https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html#error-handling-error-representation
 */
export function firstMatch<T extends Matchable>(
  rules: readonly T[] | undefined,
  failure: StateFailure,
): { rule: T; index: number } | undefined {
  if (failure.error === 'States.Runtime') return undefined;
  for (const [index, rule] of (rules ?? []).entries()) {
    if (rule.ErrorEquals.some((name) => covers(name, failure.error))) return { rule, index };
  }
  return undefined;
}

function covers(name: string, error: string): boolean {
  if (name === error) return true;
  if (error === 'States.DataLimitExceeded') return false;
  return name === 'States.ALL' || (name === 'States.TaskFailed' && error !== 'States.Timeout');
}
