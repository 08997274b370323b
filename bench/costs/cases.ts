/** Legal deltas that cost more than their bytes say, and what comes before them. */
import { encodeDelta } from '../../lambdas/snapshot/delta.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import { type Cost, DIMENSION } from './document.ts';

const MIB = 1024 * 1024;

/** Requests, bytes and memory; how long it takes hangs on the machine. */
interface Limits {
  requests: number;
  rejected: number;
}

export interface Case {
  name: string;
  what: string;
  /** Merged first, and not measured. */
  before: () => Uint8Array;
  delta: () => Uint8Array;
  limits: Limits;
}

/** Of one request: 4 MiB of several records, or one record, which is a line of a delta. */
const LARGEST_REQUEST = 4.25 * MIB;
/** Of Node.js and the compactor beside Chroma. */
const MOST_MEMORY = 700 * MIB;

export function violations(name: string, cost: Cost): string[] {
  const limits = CASES.find((one) => one.name === name)?.limits ?? { requests: 0, rejected: 0 };
  const { requests, rejected, largestBytes, peakBytes, failure } = cost;
  return [
    ...(failure === undefined ? [] : [failure]),
    ...(requests > limits.requests ? [`${requests} requests, more than ${limits.requests}`] : []),
    ...(rejected === limits.rejected ? [] : [`${rejected} operations are rejected, not ${limits.rejected}`]),
    ...(largestBytes > LARGEST_REQUEST ? [`a request of ${largestBytes} bytes`] : []),
    ...(peakBytes > MOST_MEMORY ? [`${peakBytes} bytes of memory`] : []),
  ];
}

export const CASES: readonly Case[] = [
  {
    name: 'documents',
    what: '5,461 documents of 7 KB, upserted again with new text',
    before: () => documents(5_461, 7_000, 1),
    delta: () => documents(5_461, 7_000, 2),
    limits: { requests: 25, rejected: 0 },
  },
  {
    name: 'large-documents',
    what: 'nine documents of 4 MB, upserted again with new text',
    before: () => documents(9, 4_000_000, 1),
    delta: () => documents(9, 4_000_000, 2),
    limits: { requests: 25, rejected: 0 },
  },
  {
    name: 'hot-record',
    what: '2,000 updates of one record',
    before: () => documents(1, 100, 1),
    delta: () =>
      encodeDelta(
        Array.from({ length: 2_000 }, (_, n) => ({ op: 'update', id: 'r0', metadata: { n, [`k${n % 7}`]: n } })),
      ),
    limits: { requests: 10, rejected: 0 },
  },
  {
    name: 'short-operations',
    what: '64 MiB of deletes of records that are not there',
    before: () => documents(1, 100, 1),
    delta: () => repeated((n) => `{"op":"delete","id":"${n.toString(36)}"}\n`),
    limits: { requests: 10, rejected: 1 },
  },
  {
    name: 'most-operations',
    what: '250,000 deletes of records that are not there: as many as a delta may have',
    before: () => documents(1, 100, 1),
    delta: () =>
      Buffer.from(Array.from({ length: 250_000 }, (_, n) => `{"op":"delete","id":"${n.toString(36)}"}\n`).join('')),
    limits: { requests: 120, rejected: 0 },
  },
  {
    name: 'most-values',
    what: '1,000,000 metadata values, all of other keys: as many as a delta may have',
    before: () => documents(1_000, 100, 1),
    delta: () =>
      encodeDelta(
        Array.from({ length: 1_000 }, (_, n): Operation => ({ op: 'update', id: `r${n}`, metadata: valuesOf(n) })),
      ),
    limits: { requests: 40, rejected: 0 },
  },
  {
    name: 'empty-objects',
    what: '64 MiB of lines {}',
    before: () => documents(1, 100, 1),
    delta: () => repeated(() => '{}\n'),
    limits: { requests: 10, rejected: 1 },
  },
];

/** Words of a seeded generator, so that no two texts share much. */
function documents(count: number, length: number, seed: number): Uint8Array {
  let state = seed * 2_654_435_761;
  const word = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8).toString(36);
  };
  const text = () => {
    let out = '';
    while (out.length < length) out += `${word()} `;
    return out.slice(0, length);
  };
  const operations = Array.from({ length: count }, (_, n): Operation => {
    const embedding = Array.from({ length: DIMENSION }, (_, d) => (n * (d + 1)) % 97);
    return { op: 'upsert', id: `r${n}`, embedding, metadata: { seed }, document: text() };
  });
  return encodeDelta(operations);
}

function valuesOf(n: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: 1_000 }, (_, k) => [`${n.toString(36)}-${k.toString(36)}`, k]));
}

function repeated(line: (n: number) => string): Uint8Array {
  const bytes = Buffer.alloc(64 * MIB);
  let at = 0;
  for (let n = 0; ; n++) {
    const next = line(n);
    if (at + next.length > bytes.length) return bytes.subarray(0, at);
    at += bytes.write(next, at);
  }
}
