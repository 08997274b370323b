/** What two runs of the same situation disagree about, beyond what differs between any two runs. */
import type { Ended } from './executions.ts';
import type { Call } from './functions.ts';

export interface Run extends Ended {
  calls: Call[];
}

/** Times, and sizes of what is compressed or holds a time. */
const MEASURED =
  /^(acquiredAt|takenAt|plannedAt|\w+Ms|changedBytes|uploadedBytes|snapshotBytes|manifestBytes|rewrittenBytes|size|backoffSeconds|StartDate)$/;

/** Names that are drawn anew in each run, by what stands for them. */
const DRAWN: readonly (readonly [RegExp, string])[] = [
  // The account; the side's part of the store.
  [/arn:aws:states:us-east-1:\d{12}:/g, 'arn:'],
  [/s3:\/\/peers\/\w+/g, 's3://peers/SIDE'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, 'UUID'],
  [/"?\b[0-9a-f]{32,64}\b"?/g, 'DIGEST'],
  [/\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b/g, 'ULID'],
  // The side's own table, with its identity.
  [/\b(here|moto)#ULID\b/g, 'TABLE'],
  [/\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)/g, 'TIME'],
  [/-at-[\d-]+-[0-9a-f]{16}/g, '-at-SLOT'],
  // What AWS and moto append to the message of a service's error, and its short form here.
  [/ \((Service: AWSStepFunctions; [^)]*|Error Code: \w+)\)/g, ' (SERVICE)'],
];

/** The value with everything replaced that differs between any two runs, and its keys in order. */
export function normal(value: unknown, key = ''): unknown {
  if (typeof value === 'number') return MEASURED.test(key) ? '#' : value;
  if (typeof value === 'string') return normalText(value, key);
  if (Array.isArray(value)) return value.map((item) => normal(item, key));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, item]) => [name, normal(item, name)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function normalText(text: string, key: string): unknown {
  if (key.toLowerCase() === 'cause') {
    try {
      // A stack trace is of this process's doing.
      const { trace: _trace, ...rest } = JSON.parse(text) as Record<string, unknown>;
      return normal(rest);
    } catch {
      // Not Lambda's.
    }
  }
  return DRAWN.reduce((rest, [pattern, name]) => rest.replaceAll(pattern, name), text);
}

export interface Difference {
  what: 'path' | 'attempts' | 'status' | 'error' | 'cause' | 'output' | 'input' | 'call';
  here: string | undefined;
  there: string | undefined;
}

/** Inputs and calls are compared only where the paths agree: otherwise nothing of them would. */
export function differences(here: Run, there: Run): Difference[] {
  const found: Difference[] = [];
  const compare = (what: Difference['what'], left: unknown, right: unknown) => {
    const [one, other] = [left, right].map((side) => JSON.stringify(normal(side, what)));
    if (one !== other) found.push({ what, here: one, there: other });
  };
  compare('path', here.path, there.path);
  compare('attempts', here.attempts, there.attempts);
  compare('status', here.status, there.status);
  compare('error', here.error, there.error);
  compare('cause', here.cause, there.cause);
  compare('output', parsed(here.output), parsed(there.output));
  if (found.some(({ what }) => what === 'path' || what === 'attempts')) return found;
  here.inputs.forEach((input, index) => {
    compare('input', parsed(input), parsed(there.inputs[index]));
  });
  compare('call', here.calls.length, there.calls.length);
  here.calls.forEach((call, index) => {
    compare('call', call, there.calls[index]);
  });
  return found;
}

function parsed(text: string | undefined): unknown {
  return text === undefined || text === '' ? undefined : JSON.parse(text);
}
