/** What tests came to with one server beside what they came to with another. */
import type { SuiteResult } from './pytest.ts';

export interface Comparison {
  /** For people: a line for each run, and below it one for each difference. */
  lines: string[];
  differences: number;
}

/**
 * A test that ends otherwise than with plain Chroma, or with one of both only, is a difference; without plain Chroma a test
 * that fails is. A run in which nothing passed shows nothing, and is one, too.
 * @param results By the name of what ran; `plain` is what the others are compared with.
 * @param plainMustPass A test that fails with plain Chroma is a difference, too: the test is at fault.
 */
export function compare(results: ReadonlyMap<string, SuiteResult>, plainMustPass = false): Comparison {
  const plain = results.get('plain')?.outcomes;
  const lines: string[] = [];
  let differences = 0;
  const differ = (text: string) => {
    differences++;
    lines.push(`  ${text}`);
  };
  for (const [name, { summary, outcomes }] of results) {
    lines.push(`${name.padEnd(12)}${summary.replaceAll('=', '').trim()}`);
    if (![...outcomes.values()].includes('passed')) differ('No test passed: this run shows nothing.');
    for (const test of new Set([...outcomes.keys(), ...(plain?.keys() ?? [])])) {
      const outcome = outcomes.get(test) ?? 'not there';
      if (name === 'plain' && plainMustPass && outcome === 'failed') differ(`${test}: failed with plain Chroma`);
      if (plain === undefined && outcome === 'failed') differ(`${test}: failed`);
      const expected = plain === undefined ? outcome : (plain.get(test) ?? 'not there');
      if (outcome !== expected) differ(`${test}: ${outcome}, with plain Chroma ${expected}`);
    }
  }
  return { lines, differences };
}
