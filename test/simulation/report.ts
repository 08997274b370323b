/** A violation for people: the seed, what is wrong, and the last things that happened before it. */
import { plantOf } from './bugs.ts';
import { simulate } from './simulate.ts';

/** Calls that only look, and cache traffic, rarely explain anything. */
const DULL = / (store\.(get|head|list)|statuses\.getStatuses|locks\.readLock|cache\.|engine\.|executions\.status)/;
const FAULT = /lost|dies|not heard|lands late|VIOLATION| ! /;
const SHORT_NAMES: ReadonlyArray<readonly [RegExp, string]> = [
  [/arn:aws:states:\S+:execution:compaction:/g, ''],
  [/\b[0-9A-HJKMNP-TV-Z]{18}([0-9A-HJKMNP-TV-Z]{8})\b/g, '…$1'],
  [/\b[0-9a-f]{58}([0-9a-f]{6})\b/g, '…$1'],
];

/** @returns lines, the violation last */
export async function explain(bug: string | null, seed: number, lines = 30): Promise<string[]> {
  const { trace } = await simulate(seed, plantOf(bug), true);
  const telling = trace.filter((line) => !DULL.test(line) || FAULT.test(line));
  const shorten = (line: string) => SHORT_NAMES.reduce((text, [long, short]) => text.replace(long, short), line);
  return telling.slice(-lines).map(shorten);
}
