/** Tasks that hang, executions that take too long or are stopped. The time-outs are real, but short. */
import { attemptsOf, type Definition } from '../definitions.ts';
import {
  CHECK,
  COMMIT,
  fails,
  GIVE_UP,
  hangs,
  named,
  ONE_BY_ONE,
  PLAN,
  RETREAT,
  run,
  type Situation,
  SWAP,
} from '../situation.ts';

/** Enough for a real call on a busy machine. */
const SHORT_SECONDS = 2;
const MERGE_SECONDS = 10;

function shorten(state: string, seconds = SHORT_SECONDS) {
  return ({ States }: Definition) => {
    const task = States[state];
    if (task !== undefined) task.TimeoutSeconds = seconds;
  };
}

const gates = new Map<string, PromiseWithResolvers<void>>();

/** What a function waits for until its machine's execution was stopped. */
function gateOf(machine: string): PromiseWithResolvers<void> {
  const gate = gates.get(machine) ?? Promise.withResolvers<void>();
  gates.set(machine, gate);
  return gate;
}

export const TIMEOUTS: Situation[] = [
  {
    name: 'the validation hangs once',
    hooks: { 'ValidateCas:claim': hangs(1) },
    edit: shorten('ValidateCas'),
    path: `${COMMIT} Compacted`,
    ends: 'SUCCEEDED',
    attempts: { ValidateCas: [2] },
  },
  {
    name: 'the validation hangs every time',
    hooks: { 'ValidateCas:claim': hangs() },
    edit: shorten('ValidateCas'),
    path: `${PLAN} AcquireValidationLock > ValidateCas > ${GIVE_UP}`,
    ends: 'States.Timeout',
    attempts: { ValidateCas: [attemptsOf('ValidateCas', 'States.Timeout')] },
    differs: {
      in: ['error', 'cause'],
      why: 'moto refuses a Fail state whose ErrorPath selects a name that begins with "States.". AWS asks for a string.',
      source: 'https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html',
      moto: { path: `${PLAN} AcquireValidationLock > ValidateCas > ${GIVE_UP}`, ends: 'States.Runtime' },
    },
  },
  {
    name: 'the swap hangs for all its attempts',
    hooks: { SwapPointer: hangs(attemptsOf('SwapPointer', 'States.Timeout')) },
    edit: shorten('SwapPointer'),
    path: `${CHECK} ${SWAP} ReleaseLockAfterConflict > ${RETREAT} ${COMMIT} Compacted`,
    ends: 'SUCCEEDED',
  },
  {
    name: 'the merge hangs: half as many at a time',
    hooks: { MergeDeltas: hangs(1) },
    edit: shorten('MergeDeltas', MERGE_SECONDS),
    path: `${CHECK} MergeDeltas > ${RETREAT} ${ONE_BY_ONE}`,
    ends: 'SUCCEEDED',
  },
  {
    name: 'handling the failure hangs',
    hooks: { PlanCompaction: fails(named('Error')), HandleFailure: hangs() },
    edit: shorten('HandleFailure'),
    path: `PlanCompaction > ${GIVE_UP}`,
    ends: 'Error',
    attempts: { HandleFailure: [attemptsOf('HandleFailure', 'States.Timeout')] },
  },
  {
    name: 'the execution takes too long',
    hooks: { MergeDeltas: hangs() },
    edit: (definition) => {
      definition.TimeoutSeconds = 4;
    },
    path: `${CHECK} MergeDeltas`,
    ends: 'TIMED_OUT',
  },
  {
    name: 'the execution is stopped',
    hooks: { MergeDeltas: ({ compaction }) => gateOf(compaction).promise },
    play: (stage) =>
      run(stage, {
        machine: stage.compaction,
        input: JSON.stringify({ collection: stage.collection }),
        stopWhen: () => stage.calls.some(({ fn }) => fn === 'MergeDeltas'),
        // moto's execution ends only once the function that it waits for has returned.
        onStopped: gateOf(stage.compaction).resolve,
      }),
    path: `${CHECK} MergeDeltas`,
    ends: 'ABORTED',
    differs: {
      in: ['error', 'cause'],
      why: 'An execution has the error and the cause that it was stopped with. moto describes it without them.',
      source: 'https://docs.aws.amazon.com/step-functions/latest/apireference/API_ExecutionAbortedEventDetails.html',
    },
  },
];
