/** The same operations, written in each way that is read. */
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { encodeDelta, encodeLines, parseDelta } from '../../lambdas/snapshot/delta.ts';
import type { Upsert } from '../../lambdas/snapshot/operation.ts';
import { median } from '../statistics.ts';
import type { FormRow } from './document.ts';

export type Form = readonly [name: string, encode: (operations: readonly Upsert[]) => Uint8Array];

/** What this library wrote before, and what it writes now. */
export const BEFORE = 'numbers';
export const NOW = 'base64, zstd (written by default)';

export const FORMS: readonly Form[] = [
  [BEFORE, asNumbers],
  ['numbers, nine digits', asNineDigits],
  ['numbers, zstd', (operations) => zstdCompressSync(asNumbers(operations))],
  ['numbers, nine digits, zstd', (operations) => zstdCompressSync(asNineDigits(operations))],
  ['base64', encodeLines],
  [NOW, encodeDelta],
  ['base64, gzip', (operations) => gzipSync(encodeLines(operations))],
];

export interface Measured {
  forms: FormRow[];
  /** What is written now, against what was: median of the rounds' ratios, since rounds differ more than forms do. */
  timesFaster: number;
}

/** Each form in turn, round by round, so that what else the machine does falls on all of them. */
export function measureForms(operations: readonly Upsert[], rounds: number, report: (round: number) => void): Measured {
  const dimension = operations[0]?.embedding.length ?? 0;
  const samples = FORMS.map(([name, encode]) => ({ name, encode, parseMs: [] as number[], encodeMs: [] as number[] }));
  // The first two are of code that is not compiled yet, and do not count.
  for (let round = -2; round < rounds; round++) {
    report(round);
    for (const { name, encode, parseMs, encodeMs } of samples) {
      const begin = performance.now();
      const stored = encode(operations);
      const encoded = performance.now();
      const parsed = parseDelta(stored, dimension);
      const end = performance.now();
      if (parsed.operations.length !== operations.length) throw new Error(`"${name}" does not parse.`);
      if (round < 0) continue;
      encodeMs.push(encoded - begin);
      parseMs.push(end - encoded);
    }
  }
  const forms = samples.map(({ name, encode, parseMs, encodeMs }) => ({
    name,
    bytes: encode(operations).length,
    parseMs: median(parseMs),
    fastestParseMs: Math.min(...parseMs),
    encodeMs: median(encodeMs),
  }));
  const [before = [], now = []] = [BEFORE, NOW].map((name) => samples.find((one) => one.name === name)?.parseMs);
  return { forms, timesFaster: median(before.map((ms, round) => ms / (now[round] ?? 0))) };
}

/** Each number as JavaScript writes it: the 17 digits of the 64-bit float that a 32-bit float is. */
function asNumbers(operations: readonly Upsert[]): Uint8Array {
  return Buffer.from(operations.map((operation) => `${JSON.stringify(operation)}\n`).join(''));
}

/** As producers write that know them to be 32-bit floats: NumPy, for one. */
function asNineDigits(operations: readonly Upsert[]): Uint8Array {
  return asNumbers(
    operations.map((operation) => ({
      ...operation,
      embedding: operation.embedding.map((n) => Number(n.toPrecision(9))),
    })),
  );
}
