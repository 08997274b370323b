/** A machine with every type of state behind the local endpoint, asked by AWS's own client. */
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  SFNClient,
  type SFNServiceException,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { LocalStepFunctions } from '../../local/sfn/executions.ts';
import { type SfnServer, startSfnServer } from '../../local/sfn/server.ts';
import type { StatusChange } from '../../local/sfn/status-change.ts';
import { systemTime } from '../../local/sfn/time.ts';
import { withoutWaits } from '../support/without-waits.ts';

export const LAMBDA = 'arn:aws:lambda:us-east-1:000000000000:function:work';

/** Every state type and both ways a task can end: `mode` in the input says which way to go. */
export const DEFINITION = {
  StartAt: 'Work',
  States: {
    Work: {
      Type: 'Task',
      Resource: LAMBDA,
      TimeoutSeconds: 60,
      Retry: [{ ErrorEquals: ['Flaky'], MaxAttempts: 2 }],
      Catch: [{ ErrorEquals: ['Caught'], ResultPath: '$.error', Next: 'Route' }],
      ResultPath: '$.result',
      Next: 'Route',
    },
    Route: {
      Type: 'Choice',
      Choices: [
        { Variable: '$.mode', StringEquals: 'fail', Next: 'Broken' },
        { Variable: '$.mode', StringEquals: 'start', Next: 'StartAnother' },
      ],
      Default: 'Pause',
    },
    Pause: { Type: 'Wait', Seconds: 5, Next: 'Note' },
    Note: { Type: 'Pass', Result: true, ResultPath: '$.noted', Next: 'Done' },
    StartAnother: {
      Type: 'Task',
      Resource: 'arn:aws:states:::states:startExecution',
      Parameters: { StateMachineArn: `\${MachineArn}`, 'Name.$': '$.name', Input: { mode: 'plain' } },
      Catch: [
        {
          ErrorEquals: ['StepFunctions.ExecutionAlreadyExistsException'],
          ResultPath: '$.exists',
          Next: 'Done',
        },
      ],
      Next: 'Done',
    },
    Done: { Type: 'Succeed' },
    Broken: { Type: 'Fail', Error: 'Broken', Cause: 'as asked' },
  },
};

export class WorkMachine {
  readonly local = new LocalStepFunctions({ time: withoutWaits(systemTime) });
  readonly changes: StatusChange[] = [];
  readonly machineArn: string;
  readonly #gate = Promise.withResolvers<void>();
  #flaky = 0;
  #server: SfnServer | undefined;
  #client: SFNClient | undefined;

  constructor() {
    this.local.onStatusChange((change) => this.changes.push(change));
    this.machineArn = this.local.register({
      name: 'work',
      definition: DEFINITION,
      substitutions: { MachineArn: 'arn:aws:states:us-east-1:000000000000:stateMachine:work' },
      handlers: { Work: ({ mode }: { mode?: string }) => this.#work(mode) },
    });
  }

  async listen(): Promise<void> {
    this.#server = await startSfnServer({ stepFunctions: this.local });
    this.#client = new SFNClient({
      endpoint: this.#server.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
      maxAttempts: 1,
    });
  }

  get client(): SFNClient {
    if (this.#client === undefined) throw new Error('The machine does not listen yet.');
    return this.#client;
  }

  start(input?: object, name?: string) {
    return this.client.send(
      new StartExecutionCommand({
        stateMachineArn: this.machineArn,
        ...(name === undefined ? {} : { name }),
        ...(input === undefined ? {} : { input: JSON.stringify(input) }),
      }),
    );
  }

  describeExecution(executionArn: string | undefined) {
    return this.client.send(new DescribeExecutionCommand({ executionArn }));
  }

  async history(executionArn: string | undefined): Promise<HistoryEvent[]> {
    return (await this.client.send(new GetExecutionHistoryCommand({ executionArn }))).events ?? [];
  }

  /** Ends every handler that is hanging. */
  release(): void {
    this.#gate.resolve();
  }

  async close(): Promise<void> {
    this.release();
    this.#client?.destroy();
    await this.#server?.close();
    await this.local.close();
  }

  async #work(mode?: string) {
    if (mode === 'hang') await this.#gate.promise;
    if (mode === 'flaky' && this.#flaky++ < 2) throw Object.assign(new Error('not yet'), { name: 'Flaky' });
    if (mode === 'caught') throw Object.assign(new Error('caught'), { name: 'Caught' });
    if (mode === 'fatal') throw Object.assign(new Error('fatal'), { name: 'Fatal' });
    return { mode: mode ?? null };
  }
}

/** The name of the error that a call is refused with. */
export function refusal(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'none',
    (error: SFNServiceException) => `${error.name} ${error.$metadata.httpStatusCode}`,
  );
}
