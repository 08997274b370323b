/** The real state machine over ports in memory: the ASL file's own bytes, the real handlers, virtual time. */
import { COMPACTION, readDefinition } from '../../local/machines.ts';
import { type Json, parseDefinition } from '../../local/sfn/definition.ts';
import type { RecordedEvent } from '../../local/sfn/history.ts';
import { runExecution } from '../../local/sfn/interpreter.ts';
import { executionArn, stateMachineArn } from '../../local/sfn/names.ts';
import { compileMachine, type Machine } from '../../local/sfn/run-options.ts';
import type { TaskHandler } from '../../local/sfn/task.ts';
import { taskHandlers } from '../../local/task-handlers.ts';
import { type Fault, faulty } from './faulty.ts';
import type { MemoryPorts } from './memory-ports.ts';
import { seededRandom } from './seeded-random.ts';

export interface Run {
  arn: string;
  status: 'SUCCEEDED' | 'FAILED' | 'ABORTED' | 'TIMED_OUT';
  error: string | undefined;
  cause: string | undefined;
  output: Json | undefined;
  /** States entered, in order. */
  path: string[];
  /** Attempts beyond the first of their visit. */
  retries: number;
  events: RecordedEvent[];
}

export interface RunOptions {
  machine?: string;
  /** Faults at the ports; `in` confines one to the handlers of one state. */
  faults?: readonly Fault[];
  /** What stands instead of, or around, the handler of a state. */
  wrap?: Readonly<Record<string, (real: TaskHandler) => TaskHandler>>;
  /** Of Tasks that are no Lambda functions. */
  handlers?: Readonly<Record<string, TaskHandler>>;
  seed?: number;
}

const machines = new Map<string, Machine>();
let runs = 0;

function machineOf(name: string): Machine {
  const known = machines.get(name);
  if (known !== undefined) return known;
  const substitutions = { CompactionArn: stateMachineArn(COMPACTION) };
  const machine = compileMachine(parseDefinition(name, readDefinition(name), substitutions));
  machines.set(name, machine);
  return machine;
}

/** Interpret an ASL file with the real handlers, over these ports and their time. */
export async function run(ports: MemoryPorts, input: Json, options: RunOptions = {}): Promise<Run> {
  const { machine = COMPACTION, faults = [], wrap = {}, handlers = {}, seed = 1 } = options;
  const text = readDefinition(machine);
  const arn = executionArn(machine, `run-${++runs}`);
  // Wrapped once per fault: a fault that counts its calls counts them over all states that it applies to.
  const everywhere = faulty(
    ports,
    faults.filter((fault) => fault.in === undefined),
  );
  const all: Record<string, TaskHandler> = { ...taskHandlers(text, everywhere), ...handlers };
  for (const state of new Set(faults.map((fault) => fault.in))) {
    if (state === undefined) continue;
    const handler = taskHandlers(
      text,
      faulty(
        everywhere,
        faults.filter((fault) => fault.in === state),
      ),
    )[state];
    if (handler === undefined) throw new RangeError(`A fault names "${state}", which is no Task of ${machine}.`);
    all[state] = handler;
  }
  for (const [state, around] of Object.entries(wrap)) {
    const real = all[state];
    if (real === undefined) throw new RangeError(`"${state}" is no Task of ${machine}.`);
    all[state] = around(real);
  }
  const events: RecordedEvent[] = [];
  ports.executions.statuses.set(arn, 'RUNNING');
  const outcome = await runExecution({
    machine: machineOf(machine),
    handlers: all,
    input,
    context: { Execution: { Id: arn, Name: arn, Input: input } },
    onEvent: (event) => events.push(event),
    time: ports.clock.time,
    random: seededRandom(seed),
  });
  ports.executions.statuses.set(arn, outcome.status);
  const path = events.flatMap((event) => event.stateEnteredEventDetails?.name ?? []);
  const attempts = events.filter(({ type }) => type === 'LambdaFunctionScheduled' || type === 'TaskScheduled').length;
  const visits = events.filter(({ type }) => type === 'TaskStateEntered').length;
  return {
    arn,
    status: outcome.status,
    error: outcome.status === 'SUCCEEDED' ? undefined : outcome.error,
    cause: outcome.status === 'SUCCEEDED' ? undefined : outcome.cause,
    output: outcome.status === 'SUCCEEDED' ? outcome.output : undefined,
    path,
    retries: attempts - visits,
    events,
  };
}
