/**
 * One compactor process, made to be killed: the real state machine with the real handlers over the real adapters (files,
 * DynamoDB over the wire, a Chroma server of its own), any number of executions at once.
 */
import { createInterface } from 'node:readline';
import { createDynamoClient } from '../../lambdas/adapters/table/dynamo-client.ts';
import type { Executions, Ports, Telemetry } from '../../lambdas/ports.ts';
import { composePorts } from '../../lambdas/runtime/compose.ts';
import { parseConfig } from '../../lambdas/runtime/config.ts';
import { COMPACTION, readDefinition } from '../../local/machines.ts';
import { parseDefinition } from '../../local/sfn/definition.ts';
import { runExecution } from '../../local/sfn/interpreter.ts';
import { compileMachine } from '../../local/sfn/run-options.ts';
import { systemTime, type Time } from '../../local/sfn/time.ts';
import { taskHandlers } from '../../local/task-handlers.ts';
import type { Order, Report, WorkerConfig } from './messages.ts';

/** Waits of the state machine are made for minutes; a round has seconds. Task timeouts stay as they are. */
const SHORTENED = 0.1;
const time: Time = {
  now: systemTime.now,
  sleep: (ms, signal, reason) =>
    systemTime.sleep(reason === 'wait' || reason === 'retry' ? ms * SHORTENED : ms, signal, reason),
};

/** A pipe is written synchronously: what was said is said, however soon the kill comes. */
function say(report: Report): void {
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

function compose({ env, tableEndpoint }: WorkerConfig): Ports {
  const telemetry: Telemetry = {
    metric: () => {},
    warn: () => {},
    info: (_message, { hydratedFrom } = {}) => {
      if (typeof hydratedFrom === 'string') say({ kind: 'merged', from: hydratedFrom });
    },
  };
  const executions: Executions = {
    start: async (_name, { collection }) => {
      say({ kind: 'start', collection });
      return 'started';
    },
    status: async () => undefined,
  };
  const dynamo = createDynamoClient({
    endpoint: tableEndpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  return { ...composePorts(parseConfig(env), telemetry, { dynamo }), executions };
}

const ports = compose(JSON.parse(process.argv[2] ?? '') as WorkerConfig);
const definition = readDefinition(COMPACTION);
const machine = compileMachine(parseDefinition(COMPACTION, definition));
const handlers = taskHandlers(definition, ports);

async function run({ execution, collection }: Order): Promise<void> {
  const outcome = await runExecution({
    machine,
    handlers,
    input: { collection },
    context: { Execution: { Id: execution, Name: execution, Input: { collection } } },
    onEvent: ({ stateEnteredEventDetails: entered }) => {
      if (entered?.name !== undefined) say({ kind: 'entered', execution, state: entered.name });
    },
    time,
  });
  const failure =
    outcome.status === 'SUCCEEDED' ? {} : { error: outcome.error ?? outcome.status, cause: outcome.cause ?? '' };
  say({ kind: 'ended', execution, status: outcome.status, ...failure });
}

// The engine is looked for beforehand, so that the first merge takes no longer than the next.
await ports.engine.identify();
say({ kind: 'ready' });
for await (const line of createInterface({ input: process.stdin })) void run(JSON.parse(line) as Order);
// The harness is gone, or done with us.
process.exit(0);
