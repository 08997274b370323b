/** Everything that is counted on the way to the services, and how long lock and claim were held. */

const COUNTS = [
  'storeGets',
  'storePuts',
  'storeLists',
  'storeDeletes',
  'storeBytesUp',
  'storeBytesDown',
  'tableReads',
  'tableWrites',
  'tableReadUnits',
  'tableWriteUnits',
  'cacheRequests',
  'cacheBytesRead',
  'cacheBytesWritten',
  'transitions',
  'lambdaRequests',
  'lambdaGbSeconds',
  'engineStarts',
  'lockAttempts',
  'lockCollisions',
  'delegations',
  'executions',
  'mergesDiscarded',
] as const;
export type CountName = (typeof COUNTS)[number];
export type Counts = Record<CountName, number>;

export interface Held {
  what: 'lock' | 'claim';
  /** Who held it, and for the lock in which phase. */
  owner: string;
  phase: string;
  /** From the acquiring write to the releasing write, in milliseconds. */
  ms: number;
}

export class Meter {
  readonly counts: Counts = noCounts();
  readonly held: Held[] = [];
  readonly #since = new Map<string, { at: number; phase: string }>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  count(name: CountName, by = 1): void {
    this.counts[name] += by;
  }

  acquired(what: Held['what'], owner: string, phase: string): void {
    const key = `${what} ${owner}`;
    // The claim is taken once and then only renewed.
    if (what === 'lock' || !this.#since.has(key)) this.#since.set(key, { at: this.#now(), phase });
  }

  released(what: Held['what'], owner: string): void {
    const key = `${what} ${owner}`;
    const since = this.#since.get(key);
    if (since === undefined) return;
    this.#since.delete(key);
    this.held.push({ what, owner, phase: since.phase, ms: this.#now() - since.at });
  }

  /** Start anew; what is held goes on being held. */
  reset(): void {
    Object.assign(this.counts, noCounts());
    this.held.length = 0;
  }
}

export function noCounts(): Counts {
  return Object.fromEntries(COUNTS.map((name) => [name, 0])) as Counts;
}
