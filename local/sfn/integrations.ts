import { ApiError } from './errors.ts';
import { StateFailure } from './failure.ts';
import type { TaskHandler } from './task.ts';

interface StartInput {
  StateMachineArn: string;
  Name?: string;
  Input?: unknown;
}

export interface StartRequest {
  stateMachineArn: string;
  /** A UUID by default. */
  name?: string;
  /** JSON text, `{}` by default. */
  input?: string;
}

export interface Started {
  executionArn: string;
  /** Milliseconds since the epoch. */
  startDate: number;
}

export type Start = (request: StartRequest) => Started;

/** How each form of the integration prefixes error names. */
const START_EXECUTION: Readonly<Record<string, string>> = {
  'arn:aws:states:::states:startExecution': 'StepFunctions',
  'arn:aws:states:::aws-sdk:sfn:startExecution': 'Sfn',
};

/**
 * The handler of a Task whose `Resource` is a service integration that is supported here: starting an execution without
 * waiting for its end. An API error surfaces as `StepFunctions.<code>Exception`, e.g.
 * `StepFunctions.ExecutionAlreadyExistsException`.
 */
export function integrationFor(resource: string | undefined, start: Start): TaskHandler | undefined {
  const prefix = START_EXECUTION[resource ?? ''];
  if (prefix === undefined) return undefined;
  return async ({ StateMachineArn, Name, Input }: StartInput) => {
    try {
      const started = start({
        stateMachineArn: StateMachineArn,
        ...(Name === undefined ? {} : { name: Name }),
        // The optimised integration takes any JSON as input, the SDK integration a JSON text.
        input: typeof Input === 'string' ? Input : JSON.stringify(Input ?? {}),
      });
      return { ExecutionArn: started.executionArn, StartDate: started.startDate / 1000 };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      throw new StateFailure(`${prefix}.${error.code}Exception`, `${error.message} (Error Code: ${error.code})`);
    }
  };
}
