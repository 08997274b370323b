/** Executions of the compaction state machine, through the Step Functions API. */
import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  type SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { ConfigurationError, ExecutionsUnavailableError } from '../errors/errors.ts';
import type { ExecutionStatus, Executions } from '../ports.ts';

export class SfnExecutions implements Executions {
  readonly #client: SFNClient;
  readonly #stateMachineArn: string | undefined;

  constructor(client: SFNClient, stateMachineArn: string | undefined) {
    this.#client = client;
    this.#stateMachineArn = stateMachineArn;
  }

  /** A name that was used before is not an error: the same name always means the same work. */
  async start(name: string, input: { collection: string }): Promise<'started' | 'exists'> {
    const stateMachineArn = this.#stateMachineArn;
    if (stateMachineArn === undefined) throw new ConfigurationError('STATE_MACHINE_ARN is not set: nothing to start.');
    try {
      await this.#client.send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }));
      return 'started';
    } catch (error) {
      if (error instanceof ExecutionAlreadyExists) return 'exists';
      throw unavailable(`Execution "${name}" could not be started`, error);
    }
  }

  async status(executionArn: string): Promise<ExecutionStatus | undefined> {
    try {
      return (await this.#client.send(new DescribeExecutionCommand({ executionArn }))).status;
    } catch (error) {
      if (error instanceof ExecutionDoesNotExist) return undefined;
      throw unavailable(`Execution "${executionArn}" could not be looked up`, error);
    }
  }
}

function unavailable(what: string, cause: unknown): ExecutionsUnavailableError {
  const { name, message } = cause instanceof Error ? cause : new Error(String(cause));
  return new ExecutionsUnavailableError(`${what}: ${name}: ${message}. Retry; check throttling and the role.`, {
    cause,
  });
}
