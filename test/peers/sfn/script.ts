/** Arbitrary answers of all functions, from a seed: what the nth call of an execution returns or throws. */
import { seededRandom } from '../../support/seeded-random.ts';
import { namedErrors } from './definitions.ts';
import type { Script } from './functions.ts';
import { named } from './situation.ts';

/** Errors that no rule names, beside those that one does. */
const UNNAMED = ['Error', 'TypeError', 'Unheard.Of', 'Runtime.ExitError', 'Runtime.OutOfMemory', 'DirtyDirectoryError'];
/** No function can report a name that begins with "States.". */
const ERRORS = [...namedErrors().filter((name) => !name.startsWith('States.')), ...UNNAMED];
const MESSAGES = ['', 'plain', 'with "quotes" and ünï', '{"errorType":"Fake"}'];
/** What a Choice looks at, mostly; and what it has no rule for. */
const NEXTS = ['merge', 'merge', 'upload', 'upload', 'plan', 'finish', 'done', 'nothing', 'delegated', 'unheard-of'];
const VALUES = [null, 0, '', 'ünï "q" \\ 日本', [], {}, [1, [2, { a: null }]], { 'a.b': 1, $: 2 }, 1e21, -0.5, true];
const INPUTS = ['{"collection":"c"}', '{"collection":"c","extra":[1,{"ü":null}]}', '{}', '{"error":{"Error":"old"}}'];
/** What leads on from each function that a Choice follows. */
const ONWARDS: Readonly<Record<string, string>> = {
  PlanCompaction: 'merge',
  MergeDeltas: 'upload',
  FinishCompaction: 'done',
};
/** So that every execution ends. */
const MOST_CALLS = 60;

export function inputOf(seed: number): string {
  return pick(INPUTS, seededRandom(seed ^ 0x5eed));
}

/** Equal seeds give equal answers to equal calls in equal order. */
export function scriptOf(seed: number): Script {
  const random = seededRandom(seed);
  const failing = pick([0.02, 0.1, 0.3], random);
  const isSticky = random() < 0.3;
  let calls = 0;
  let last: Error | undefined;
  return async (fn, payload) => {
    if (++calls > MOST_CALLS) throw named('InvariantViolatedError', 'Enough.');
    if (last === undefined || !isSticky || random() < 0.3) {
      last = random() < failing ? named(pick(ERRORS, random), pick(MESSAGES, random)) : undefined;
    }
    if (last !== undefined) throw last;
    const { state, input = state } = payload as { state?: object; input?: object };
    return {
      ...(input ?? (payload as object)),
      next: random() < 0.8 ? (ONWARDS[fn] ?? 'merge') : pick(NEXTS, random),
      committed: pick([null, null, { version: 1 }], random),
      backoffSeconds: Math.floor(random() * 3),
      extra: pick(VALUES, random),
      [`key${Math.floor(random() * 4)}`]: pick(VALUES, random),
    };
  };
}

function pick<T>(list: readonly T[], random: () => number): T {
  return list[Math.floor(random() * list.length)] as T;
}
