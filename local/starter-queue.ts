/**
 * The queue between notifications and StartCompaction: gathers messages for the batching window, takes back those whose
 * start failed, and delays the messages of a collection whose executions keep failing.
 */
import type { BatchResponse, QueueRecord } from '../lambdas/triggers/start-compactions.ts';
import type { Arrived } from './notifications.ts';

export interface QueueOptions {
  windowMs: number;
  batchSize: number;
  /** Delay after the first failure in a row; doubled by each further one. */
  firstPauseMs: number;
  longestPauseMs: number;
}

/** As deployed: `batchWindowSeconds` and `batchSize`. */
export const QUEUE: QueueOptions = {
  windowMs: 5_000,
  batchSize: 100,
  firstPauseMs: 10_000,
  longestPauseMs: 5 * 60_000,
};

export interface Timer {
  now(): number;
  /** @returns a function that cancels it */
  after(ms: number, task: () => void): () => void;
}

type Warn = (message: string, fields: Record<string, unknown>) => void;

export interface QueueSurroundings {
  options?: QueueOptions;
  timer?: Timer;
  /** Called for everything that does not start at once. */
  warn?: Warn;
}

export class StarterQueue {
  readonly #start: (batch: { Records: QueueRecord[] }) => Promise<BatchResponse>;
  readonly #options: QueueOptions;
  readonly #timer: Timer;
  readonly #warn: Warn;
  readonly #waiting: Arrived[] = [];
  readonly #failures = new Map<string, { count: number; until: number }>();
  #cancel: (() => void) | undefined;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(
    start: (batch: { Records: QueueRecord[] }) => Promise<BatchResponse>,
    { options = QUEUE, timer = systemTimer, warn = () => {} }: QueueSurroundings = {},
  ) {
    this.#start = start;
    this.#options = options;
    this.#timer = timer;
    this.#warn = warn;
  }

  send(arrived: Arrived): void {
    this.#waiting.push(arrived);
    this.#plan(this.#options.windowMs);
  }

  /** Call this when an execution of a collection has ended. */
  ended(collection: string, hasFailed: boolean): void {
    if (!hasFailed) {
      this.#failures.delete(collection);
      return;
    }
    const count = (this.#failures.get(collection)?.count ?? 0) + 1;
    const { firstPauseMs, longestPauseMs } = this.#options;
    const pause = Math.min(firstPauseMs * 2 ** (count - 1), longestPauseMs);
    this.#failures.set(collection, { count, until: this.#timer.now() + pause });
    this.#warn('Executions of a collection keep failing; what arrives for it waits.', {
      collection,
      failures: count,
      pauseMs: pause,
    });
  }

  /** Resolves once nothing is being started. Waiting messages are left to the next sweep. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#running;
  }

  #plan(ms: number): void {
    if (this.#isClosed || this.#cancel !== undefined) return;
    this.#cancel = this.#timer.after(ms, () => {
      this.#running = this.#deliver();
    });
  }

  async #deliver(): Promise<void> {
    const now = this.#timer.now();
    const isHeld = ({ collection }: Arrived) => (this.#failures.get(collection)?.until ?? 0) > now;
    const all = this.#waiting.splice(0);
    const due = all.filter((arrived) => !isHeld(arrived));
    const batch = due.slice(0, this.#options.batchSize);
    this.#waiting.push(...all.filter(isHeld), ...due.slice(batch.length));
    try {
      if (batch.length > 0) {
        const { batchItemFailures } = await this.#start({ Records: batch.map(({ message }) => message) });
        const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
        this.#waiting.push(...batch.filter(({ message }) => failed.has(message.messageId)));
      }
    } catch (error) {
      this.#waiting.push(...batch);
      this.#warn('Executions could not be started; their messages come again.', {
        messages: batch.length,
        reason: String(error),
      });
    }
    this.#cancel = undefined;
    if (this.#waiting.length > 0) this.#plan(due.length > batch.length ? 0 : this.#options.windowMs);
  }
}

const systemTimer: Timer = {
  now: () => performance.now(),
  after: (ms, task) => {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};
