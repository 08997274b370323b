/** What a peer does differently from what it stands for: named by test, and seen to be so in every run. */
import { afterEach, beforeEach, type RunnerTask, type RunnerTestCase } from 'vitest';

export interface Difference {
  /** Full name of a test of the contract, from its outermost `describe` on. */
  test: string;
  /** What the peer does instead. */
  does: string;
  /** The message with which the contract fails. */
  fails: RegExp;
  /** Where that is known, or how we know it. */
  reference: string;
}

/**
 * For the tests of this file: each test that is named must fail as stated, and then counts as passed, with what the peer
 * does as its annotation. One that passes says that the peer has been mended; a name that no test has is refused.
 */
export function expectDifferences(differences: readonly Difference[]): void {
  const differenceOf = (task: RunnerTestCase) => differences.find(({ test }) => test === task.fullTestName);
  beforeEach(async ({ task, annotate }) => {
    const known = new Set(namesIn(task.file.tasks));
    const strange = differences.filter(({ test }) => !known.has(test)).map(({ test }) => test);
    if (strange.length > 0) throw new Error(`A difference is listed for what is no test here: ${strange.join('; ')}.`);
    const difference = differenceOf(task);
    if (difference !== undefined) await annotate(`${difference.does} ${difference.reference}`, 'difference');
  });
  afterEach(({ task }) => {
    const difference = differenceOf(task);
    if (difference === undefined) return;
    if (task.result?.state === 'pass') {
      throw new Error(`This is no difference any more: take it off the list. It was: ${difference.does}`);
    }
    const messages = (task.result?.errors ?? []).map(({ message }) => message);
    // Another failure than the one that is stated stays one.
    const isStated = messages.length > 0 && messages.every((message) => difference.fails.test(message));
    // What `test.fails` sets; the contract itself must not know of peers.
    Object.assign(task, { fails: isStated });
  });
}

function namesIn(tasks: readonly RunnerTask[]): string[] {
  return tasks.flatMap((task) => (task.type === 'suite' ? namesIn(task.tasks) : [task.fullTestName]));
}
