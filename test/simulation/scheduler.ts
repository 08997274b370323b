/**
 * Virtual time and the order of everything. Whatever a world does waits here as an event; one happens at a time, and the
 * next one is looked for only when all promises have settled that can.
 */
import { createHash } from 'node:crypto';
import type { SleepReason, Time } from '../../local/sfn/time.ts';

const START = Date.parse('2026-02-01T00:00:00Z');

interface Event {
  at: number;
  /** Order of equal times. */
  n: number;
  /** Does the world go on for its sake? Heartbeats and polls alone do not keep it alive. */
  isIdle: boolean;
  isCancelled: boolean;
  happen: () => unknown;
}

export class Scheduler {
  #now = START;
  #heap: Event[] = [];
  #scheduled = 0;
  /** Events to come that keep the world alive. */
  #live = 0;
  #happened = 0;
  /** Noted, and not hashed yet. */
  #pending = '';
  readonly #hash = createHash('sha256');
  readonly #lines: string[] | undefined;

  constructor({ keepTrace = false }: { keepTrace?: boolean } = {}) {
    this.#lines = keepTrace ? [] : undefined;
  }

  /** The same time for the interpreter: the service's clock is right, whatever those of the Lambdas say. */
  readonly time: Time = {
    now: () => this.#now,
    sleep: (ms, signal, reason) => this.#sleep(ms, signal, reason),
  };

  now(): number {
    return this.#now;
  }

  /** Milliseconds since the world began. */
  elapsed(): number {
    return this.#now - START;
  }

  events(): number {
    return this.#happened;
  }

  /** Returns how to cancel it. */
  after(ms: number, happen: () => unknown, { isIdle = false }: { isIdle?: boolean } = {}): () => void {
    const event: Event = { at: this.#now + Math.ceil(ms), n: this.#scheduled++, isIdle, isCancelled: false, happen };
    push(this.#heap, event);
    if (!isIdle) this.#live++;
    return () => {
      if (event.isCancelled) return;
      event.isCancelled = true;
      if (!isIdle) this.#live--;
    };
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** One line of the trace: all lines together are what the hash is of. */
  note(line: string): void {
    this.#pending += `${this.elapsed()} ${line}`;
    if (this.#pending.length > 16_384) this.#flush();
    this.#lines?.push(`${(this.elapsed() / 1_000).toFixed(3)} ${line}`);
  }

  trace(): readonly string[] {
    return this.#lines ?? [];
  }

  hash(): string {
    this.#flush();
    return this.#hash.copy().digest('hex');
  }

  /** Let happen what is going to happen, until nothing is left or `isOver` says so. */
  async drain(isOver: () => boolean = () => false): Promise<void> {
    for (;;) {
      await allSettled();
      if (this.#live === 0 || isOver()) return;
      const event = pop(this.#heap);
      if (event === undefined) return;
      if (event.isCancelled) continue;
      event.isCancelled = true;
      if (!event.isIdle) this.#live--;
      this.#now = event.at;
      this.#happened++;
      await event.happen();
    }
  }

  #flush(): void {
    this.#hash.update(this.#pending);
    this.#pending = '';
  }

  #sleep(ms: number, signal: AbortSignal, _reason: SleepReason): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return;
      const cancel = this.after(ms, () => {
        signal.removeEventListener('abort', cancel);
        resolve();
      });
      signal.addEventListener('abort', cancel, { once: true });
    });
  }
}

/**
 * A tick comes when all promises have settled that can: a world is made of promises and these events alone. It costs a
 * fifth of what an immediate does, for which the event loop has to go round.
 */
function allSettled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.n < b.n);
}

function push(heap: Event[], event: Event): void {
  let at = heap.push(event) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as Event;
    if (!isBefore(event, above)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = event;
}

function pop(heap: Event[]): Event | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    const right = heap[child + 1];
    if (right !== undefined && isBefore(right, heap[child] as Event)) child++;
    if (!isBefore(heap[child] as Event, last)) break;
    heap[at] = heap[child] as Event;
    at = child;
  }
  heap[at] = last;
  return first;
}
