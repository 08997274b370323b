/** Every edge of compaction.asl.json is taken, and whatever goes wrong, no delta is lost and none is applied twice. */
import { describe, expect, it } from 'vitest';
import { edgesOf, statesOf } from './edges.ts';
import { play, type Scenario } from './scenario.ts';
import { afterSwap } from './scenarios-after-swap.ts';
import { beforeSwap } from './scenarios-before-swap.ts';
import { damages } from './scenarios-damage.ts';
import { inMerge } from './scenarios-merge.ts';
import { exhausted, named } from './scenarios-named.ts';
import { outages } from './scenarios-outages.ts';
import { atSwap } from './scenarios-swap.ts';

/** By what the real handlers throw. */
const REAL: Record<string, Scenario[]> = {
  'before the swap': beforeSwap,
  'in the merge': inMerge,
  'at the swap': atSwap,
  'after the swap': afterSwap,
  'damaged or foreign': damages,
  'out of reach': outages,
};
/** The first errors of the retriers that name nothing but Lambda's own. */
const FROM_LAMBDA = [
  'Lambda.ServiceException',
  'Lambda.ResourceNotFoundException',
  'Lambda.CodeArtifactUserPendingException',
];
/** Only by name: no step throws these there, but Lambda, or a step to come, may. */
const UNREACHED = [
  ...Object.entries(statesOf()).flatMap(([state, { Type }]) =>
    Type === 'Task' ? FROM_LAMBDA.map((error) => `${state} Retry ${error}`) : [],
  ),
  // Steps that touch the table alone, or the cache alone.
  'AcquireValidationLock Retry InvalidInputError',
  'AcquireSwapLock Retry InvalidInputError',
  'ReleaseValidationLock Retry InvalidInputError',
  'ReleaseSwapLock Retry InvalidInputError',
  'ReleaseLockAfterConflict Retry InvalidInputError',
  'SyncEfs Retry InvalidInputError',
  'SyncEfs Retry StoreUnavailableError',
  // Whatever comes here has a collection: without one, the execution ends at once.
  'HandleFailure Retry InvalidInputError',
  // It judges every outage itself, and says what became of the swap.
  'SwapPointer Retry StoreUnavailableError',
];

const real = new Set<string>();
const all = new Set<string>();
const rows = (scenarios: Scenario[]) => scenarios.map((scenario) => [scenario.name, scenario] as const);

describe.each(Object.entries(REAL))('%s', (_, scenarios) => {
  it.each(rows(scenarios))('%s', async (_name, scenario) => {
    for (const edge of await play(scenario)) real.add(edge);
  });
});

describe.each(Object.entries({ named, exhausted }))('%s', (_, scenarios) => {
  it.each(rows(scenarios))('%s', async (_name, scenario) => {
    for (const edge of await play(scenario)) all.add(edge);
  });
});

describe('the tables above', () => {
  it('take every edge of the file, and all but a few because of what a real handler threw', () => {
    expect(
      edgesOf()
        .filter((edge) => !real.has(edge))
        .sort(),
    ).toEqual([...UNREACHED].sort());
    expect(edgesOf().filter((edge) => !real.has(edge) && !all.has(edge))).toEqual([]);
  });
});
