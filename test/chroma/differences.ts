/** Where a run of Chroma's own tests against us ended otherwise than with plain Chroma. */
import type { SuiteResult } from './suite.ts';

/**
 * @param found By what was tested; `plain` is what the others are compared with. Without it no test may fail.
 * @returns a line for each difference, by what was tested
 */
export function differencesIn(found: ReadonlyMap<string, Pick<SuiteResult, 'outcomes'>>): Map<string, string[]> {
  const plain = found.get('plain')?.outcomes;
  return new Map([...found].map(([name, { outcomes }]) => [name, differencesFrom(plain, outcomes)]));
}

function differencesFrom(plain: ReadonlyMap<string, string> | undefined, outcomes: ReadonlyMap<string, string>) {
  const lines: string[] = [];
  for (const [test, outcome] of outcomes) {
    if (plain === undefined && outcome !== 'failed') continue;
    const expected = plain === undefined ? 'passed' : plain.get(test);
    if (outcome !== expected) lines.push(`${test}: ${outcome}, with plain Chroma ${expected ?? 'not there'}`);
  }
  for (const [test, outcome] of plain ?? []) {
    if (!outcomes.has(test)) lines.push(`${test}: not there, with plain Chroma ${outcome}`);
  }
  // A server that is not reached, or a filter that fits nothing, has shown nothing.
  if (![...outcomes.values()].includes('passed')) lines.push('no test passed');
  return lines;
}
