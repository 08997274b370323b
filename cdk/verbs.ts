/** The Lambdas of the stack, one per verb, and how long each may run, which is read from the state machines. */
import { readFileSync } from 'node:fs';

/** Lambdas behind Task states, by the name that the ASL files use in `${<name>Arn}`. */
export const TASK_VERBS = [
  'PlanCompaction',
  'AcquireLock',
  'ValidateCas',
  'ReleaseLock',
  'MergeDeltas',
  'UploadSnapshot',
  'SwapPointer',
  'SyncEfs',
  'FinishCompaction',
  'DiscardUpload',
  'HandleFailure',
  'ReleaseAbandoned',
] as const;
/** Lambdas that a queue or a schedule invokes. */
export const OTHER_VERBS = ['StartCompaction', 'Sweep', 'CollectGarbage'] as const;
export const SCHEDULED_VERBS: readonly Verb[] = ['Sweep', 'CollectGarbage'];
export const VERBS = [...TASK_VERBS, ...OTHER_VERBS] as const;

export type TaskVerb = (typeof TASK_VERBS)[number];
export type Verb = (typeof VERBS)[number];

/** Verbs that mount the cache: it stages, moves, drops or prunes files there. All others read the store instead. */
export const CACHE_VERBS: readonly Verb[] = [
  'MergeDeltas',
  'UploadSnapshot',
  'SyncEfs',
  'DiscardUpload',
  'CollectGarbage',
];

export const MACHINES = ['compaction', 'release-abandoned'] as const;
export type MachineName = (typeof MACHINES)[number];

/** Module of the endpoint's handler, in the image of MergeDeltas. It is not a verb, since not every stack has it. */
export const ENDPOINT_MODULE = 'serve-endpoint';

/** The module of a verb: `MergeDeltas` is in `lambdas/merge-deltas.ts`. */
export function entryOf(verb: Verb): string {
  return verb.replace(/(?!^)[A-Z]/g, '-$&').toLowerCase();
}

/** The unchanged text of an ASL file. */
export function readDefinition(machine: MachineName): string {
  return readFileSync(new URL(`../statemachine/${machine}.asl.json`, import.meta.url), 'utf8');
}

interface State {
  Type: string;
  Resource?: string;
  TimeoutSeconds?: number;
}

/** Verbs that the Task states of a machine call. */
export function verbsOf(machine: MachineName): TaskVerb[] {
  const called = tasks(machine).map(({ verb }) => verb);
  return TASK_VERBS.filter((verb) => called.includes(verb));
}

/** Lambda's own limit. */
const LONGEST_SECONDS = 900;

/**
 * Seconds after which Lambda stops the verb's function: a little before its Task's `TimeoutSeconds`, so that an
 * overrun is reported by Lambda, which has ended the function, and not by Step Functions, which has not.
 */
export function timeoutOf(verb: Verb): number {
  const limits = MACHINES.flatMap(tasks)
    .filter((task) => task.verb === verb)
    .map(({ seconds }) => seconds - (seconds < 70 ? 5 : 10));
  return Math.min(LONGEST_SECONDS, ...limits);
}

function tasks(machine: MachineName): Array<{ verb: string; seconds: number }> {
  const { States } = JSON.parse(readDefinition(machine)) as { States: Record<string, State> };
  return Object.values(States).flatMap(({ Resource = '', TimeoutSeconds = LONGEST_SECONDS }) => {
    const verb = /^\$\{(\w+)Arn\}$/.exec(Resource)?.[1];
    return verb === undefined ? [] : [{ verb, seconds: TimeoutSeconds }];
  });
}
