/** The output of commands: text for people, JSON for scripts, and an exit code for both. */
import { writeSync } from 'node:fs';
import {
  CollectionExistsError,
  CollectionNotFoundError,
  CompactorError,
  ConfigurationError,
  DamagedSourceError,
  EngineTooOldError,
  ForeignStoreError,
  InvalidInputError,
  KeyCollisionError,
  UnsafeStoreError,
} from '../lambdas/errors/errors.ts';
import { stringifyExact } from '../lambdas/snapshot/exact-json.ts';
import { describePlace, type Place } from './place.ts';

/** Restores the cursor, which a spinner hides. */
const SHOW_CURSOR = '\u001b[?25h';

export const EXIT = { ok: 0, failed: 1, badInput: 2, refused: 3, timedOut: 4 } as const;

type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A word for `--help`, and a sentence for the reference. */
export const EXIT_MEANINGS: Readonly<Record<ExitCode, { word: string; meaning: string }>> = {
  [EXIT.ok]: { word: 'done', meaning: 'It was done.' },
  [EXIT.failed]: { word: 'failed', meaning: 'Something failed; trying again may help.' },
  [EXIT.badInput]: {
    word: 'bad input',
    meaning: 'The command line, the input or the configuration is wrong; trying again does not help.',
  },
  [EXIT.refused]: {
    word: 'rejected or damaged',
    meaning:
      'It was found, and it is not as it should be: a rejected delta, an id that stands for other content, a damaged ' +
      'snapshot or directory, a claim whose execution still runs.',
  },
  [EXIT.timedOut]: { word: 'timed out', meaning: 'Waited for as long as was asked.' },
};

/** Ends a command with an exit code of its own. The message is for people. */
export class CommandFailure extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

export interface Output {
  readonly json: boolean;
  /** Where the command changes something; `undefined` if it changes nothing. */
  readonly place: Place | undefined;
  /** The command's result: the object with `--json`, the text without. */
  result(value: object, text: string): void;
  /** The same for a command that changes something, which names the place: before it acts, or in its JSON. */
  changing(place: Place): Output;
}

export function createOutput(json: boolean, place?: Place): Output {
  return {
    json,
    place,
    result: (value, text) => {
      const shown = place === undefined ? value : { target: place, ...value };
      process.stdout.write(`${json ? stringifyExact(shown, 2) : text}\n`);
    },
    changing: (changed) => {
      if (!json) process.stderr.write(`Target: ${describePlace(changed)}\n`);
      return createOutput(json, changed);
    },
  };
}

/** Report an error on stderr, without a stack trace, and choose the exit code. */
export function reportError(error: unknown, { json, place }: Pick<Output, 'json' | 'place'>): number {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const exitCode = exitCodeOf(error);
  const shown = error instanceof CompactorError ? name : 'Error';
  const document = { error: name, message, exitCode, ...(place && { target: place }) };
  process.stderr.write(json ? `${JSON.stringify(document)}\n` : `${shown}: ${message}\n`);
  return exitCode;
}

/**
 * Report that the command was interrupted. Written directly to the terminal, since a spinner holds back its streams.
 */
export function reportInterrupt(message: string, exitCode: number, json: boolean): void {
  const spinner = process.stdout.isTTY ? SHOW_CURSOR : '';
  writeSync(2, json ? `${JSON.stringify({ error: 'Interrupted', message, exitCode })}\n` : `${spinner}\n${message}\n`);
}

/** Errors in what was typed or configured: trying again does not help. */
const WRONG_INPUT = [
  InvalidInputError,
  ConfigurationError,
  CollectionNotFoundError,
  CollectionExistsError,
  ForeignStoreError,
  UnsafeStoreError,
  EngineTooOldError,
] as const;

/** A usage error, in commander's words. */
export function reportUsage(text: string, json: boolean): void {
  const message = text.replace(/^error: /, '').trim();
  const error = { error: 'InvalidInputError', message, exitCode: EXIT.badInput };
  process.stderr.write(json ? `${JSON.stringify(error)}\n` : text);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommandFailure) return error.exitCode;
  if (error instanceof DamagedSourceError) return EXIT.refused;
  if (error instanceof KeyCollisionError) return EXIT.refused;
  return WRONG_INPUT.some((kind) => error instanceof kind) ? EXIT.badInput : EXIT.failed;
}

/** `1 delta`, `2 deltas`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Columns padded to their widest cell; numbers to the right. The first row is the heading. */
export function columns(rows: ReadonlyArray<ReadonlyArray<string | number>>): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => String(row[column] ?? '').length)));
  const line = (row: ReadonlyArray<string | number>) =>
    widths
      .map((width, column) => {
        const cell = row[column] ?? '';
        return typeof cell === 'number' ? String(cell).padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1_024 && unit < UNITS.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}
