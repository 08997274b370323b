/** What happened in an execution, round by round, in words, and what to do. */
import { ERROR_CATALOGUE, type ErrorName } from '../../lambdas/errors/error-catalogue.ts';
import type { CompactionState } from '../../statemachine/contract.ts';
import { bytes, count } from '../output.ts';
import type { Visit } from './history.ts';

export interface ExecutionFacts {
  status: string;
  error: string | undefined;
  message: string;
  durationMs: number;
  visits: readonly Visit[];
}

export interface ExecutionExplanation {
  story: string[];
  todo: string[];
}

/** Ways of ending that need no explanation of their own. */
const ENDINGS: Readonly<Record<string, string>> = {
  Compacted: 'It ended as Compacted: what it committed is published.',
  UpToDate: 'It ended as UpToDate: nothing was left for it to commit.',
  Delegated:
    'It ended as Delegated: another execution was compacting the collection and was told to look again before it lets go. Its deltas are in good hands.',
};
const FAILED_STATES = new Set(['HandleFailure', 'Failed', 'InvalidInput']);

export function explainExecution(facts: ExecutionFacts): ExecutionExplanation {
  const { visits } = facts;
  const story: string[] = [];
  let round = 0;
  for (const [index, visit] of visits.entries()) {
    if (visit.state === 'PlanCompaction') story.push(`Round ${++round}:`);
    const said = [...failureWords(visit, visits[index + 1]), ...words(visit)];
    story.push(...said.map((line) => `  ${line}`));
  }
  const ending = endingWords(facts);
  const names = facts.error === undefined ? [] : [facts.error];
  return { story: [...story, ending], todo: [...names.flatMap(adviceOn), ...nextSteps(facts)] };
}

/** The failed attempts, with equal ones combined. */
function failureWords({ state, failures, enteredAt, leftAt, isDone }: Visit, next: Visit | undefined): string[] {
  const byError = Map.groupBy(failures, ({ error }) => error);
  return [...byError].map(([error, same]) => {
    const times = same.length === 1 ? 'once' : `${same.length} times`;
    const waited = leftAt === undefined ? '' : ` after ${Math.round(leftAt - enteredAt)} ms`;
    const isGivenUp = next === undefined || FAILED_STATES.has(next.state);
    const led = isGivenUp ? 'and was given up' : `which led to ${next.state}`;
    const then = isDone ? `then it succeeded${waited}` : led;
    return `${state} failed ${times} with ${error}: ${same.at(-1)?.message}; ${then}.`;
  });
}

/** Describes the output of the attempt that succeeded. */
function words({ state, output, isDone }: Visit): string[] {
  const after = output as Partial<CompactionState> | undefined;
  if (after === undefined || !isDone) return [];
  switch (state) {
    case 'PlanCompaction':
      return [
        `PlanCompaction: version ${after.base?.version} is current; ${count(after.pending ?? 0, 'delta')} ${after.pending === 1 ? 'waits' : 'wait'}, ${after.leftovers} to be settled.`,
        ...(after.trial ? [`PlanCompaction: delta ${after.trial.deltaId} is merged alone.`] : []),
        ...(after.next === 'delegated' ? ['PlanCompaction: another execution has the claim, and was woken.'] : []),
      ];
    case 'ValidateCas':
      return after.next === 'delegated'
        ? ['ValidateCas: another execution has the claim.']
        : ['ValidateCas: the plan is still right; the claim is taken.'];
    case 'MergeDeltas':
      return after.merge === null || after.merge === undefined
        ? ['MergeDeltas: nothing was left to merge.']
        : [
            `MergeDeltas: ${count(after.merge.deltas, 'delta')}, ${count(after.merge.operations, 'operation')}, ` +
              `${after.merge.rejectedOperations} rejected; ${count(after.merge.records, 'record')}; ` +
              `${bytes(after.merge.changedBytes)} of blocks changed.${setAsideWords(after.merge.setAside)}`,
          ];
    case 'SwapPointer':
      return [`SwapPointer: version ${after.committed?.version} is published (commit ${after.committed?.commitId}).`];
    case 'DiscardUpload':
      return [discardWords(after)];
    case 'FinishCompaction':
      return [`FinishCompaction: settled; ${after.next === 'plan' ? 'more had arrived' : 'nothing more waits'}.`];
    default:
      return [];
  }
}

function discardWords({ attempts, trial, backoffSeconds = 0 }: Partial<CompactionState>): string {
  const alone = trial && trial.failures > 0 ? `delta ${trial.deltaId} has failed ${trial.failures} times alone; ` : '';
  const { rebases = 0, mergeFailures = 0 } = attempts ?? {};
  return `DiscardUpload: ${alone}rebases ${rebases}, failed merges ${mergeFailures}; plan again after ${backoffSeconds} s.`;
}

function setAsideWords(deltas: number | undefined): string {
  return deltas ? ` ${count(deltas, 'delta')} set aside, and kept.` : '';
}

function endingWords({ status, error, message, visits, durationMs }: ExecutionFacts): string {
  const last = visits.at(-1)?.state ?? '';
  if (status === 'RUNNING') return `It runs, for ${durationMs} ms now, and is in ${last}.`;
  if (status === 'ABORTED') return `It was stopped in ${last}${error === undefined ? '' : ` (${error}: ${message})`}.`;
  if (status === 'TIMED_OUT') return `It ran out of time in ${last}.`;
  if (status === 'FAILED') return `It failed after ${durationMs} ms with ${error}: ${message}`;
  return ENDINGS[last] ?? `It ended in ${last}.`;
}

function adviceOn(error: string): string[] {
  const entry = ERROR_CATALOGUE[error as ErrorName];
  return entry === undefined ? [] : [`${entry.cause} ${entry.remedy}`];
}

function nextSteps({ status }: ExecutionFacts): string[] {
  if (status === 'SUCCEEDED') return ['Nothing.'];
  if (status === 'RUNNING') return ['Wait for its end.'];
  if (status === 'FAILED') {
    return [
      'A failed execution is not redriven. Once the cause is fixed, compactor start <collection>, or leave it to the sweep.',
    ];
  }
  return [
    'What it held is freed by the machine release-abandoned, and its work is started again. See: compactor locks.',
  ];
}
