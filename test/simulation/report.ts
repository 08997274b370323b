/** A violation for people: the seed, what is wrong, and the last things that happened before it. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

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
  const worker = new Worker(fileURLToPath(new URL('./trace-worker.ts', import.meta.url)), {
    workerData: { bug, seed },
  });
  const [trace] = (await once(worker, 'message')) as [string[]];
  const telling = trace.filter((line) => !DULL.test(line) || FAULT.test(line));
  const shorten = (line: string) => SHORT_NAMES.reduce((text, [long, short]) => text.replace(long, short), line);
  return telling.slice(-lines).map(shorten);
}
