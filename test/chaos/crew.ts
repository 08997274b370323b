/** The workers of a campaign: a constant number of them is kept ready, and each execution is one's until it ends. */

import { COMPACTION } from '../../local/machines.ts';
import { executionArn } from '../../local/sfn/names.ts';
import type { Random } from '../simulation/random.ts';
import type { Report, WorkerConfig } from './messages.ts';
import { WorkerProcess } from './worker-process.ts';

export type ExecutionEnd = Extract<Report, { kind: 'ended' }>;

interface Entry {
  worker: WorkerProcess;
  execution: string;
  state: string;
}

export interface CrewEvents {
  onEnd(end: ExecutionEnd, collection: string): void;
  onMerge(from: string): void;
  /** A worker died without having been killed. */
  onDeath(why: string): void;
}

export class Crew {
  readonly #config: WorkerConfig;
  readonly #random: Random;
  readonly #events: CrewEvents;
  readonly #workers: WorkerProcess[];
  readonly #collections = new Map<string, string>();
  readonly #watchers = new Set<(entry: Entry) => void>();
  #started = 0;
  #idle: Array<() => void> = [];

  constructor(size: number, config: WorkerConfig, random: Random, events: CrewEvents) {
    this.#config = config;
    this.#random = random;
    this.#events = events;
    this.#workers = Array.from({ length: size }, () => this.#hire());
  }

  /** @throws Error (a worker did not start) */
  async ready(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.ready));
  }

  /** Start an execution on any worker; one that is still starting gets to it when it is ready. Returns the ARN. */
  start(collection: string): string {
    const worker = this.#random.pick(this.#workers);
    const execution = executionArn(COMPACTION, `chaos-${++this.#started}`);
    this.#collections.set(execution, collection);
    worker.give({ execution, collection });
    return execution;
  }

  isRunning(execution: string): boolean {
    return this.#workers.some((worker) => worker.running.has(execution));
  }

  get runningExecutions(): number {
    return this.#workers.reduce((sum, worker) => sum + worker.running.size, 0);
  }

  /** The next execution that enters one of these states; `undefined` once `signal` aborts. */
  entry(states: readonly string[], signal: AbortSignal): Promise<Entry | undefined> {
    return new Promise((resolve) => {
      const settle = (entry: Entry | undefined) => {
        this.#watchers.delete(watch);
        resolve(entry);
      };
      const watch = (entry: Entry) => {
        if (states.includes(entry.state)) settle(entry);
      };
      this.#watchers.add(watch);
      signal.addEventListener('abort', () => settle(undefined), { once: true });
    });
  }

  /** Kill a worker, and let another one take its place. Resolves with what died, by execution. */
  async kill(worker: WorkerProcess): Promise<Map<string, string>> {
    // The kill first: hiring takes long enough to miss a short state.
    const dying = worker.kill();
    const place = this.#workers.indexOf(worker);
    if (place !== -1) this.#workers[place] = this.#hire();
    const dead = await dying;
    this.#checkIdle();
    return dead;
  }

  workers(): readonly WorkerProcess[] {
    return this.#workers;
  }

  /** Resolves when no execution is running. */
  async idle(): Promise<void> {
    if (this.runningExecutions > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop()));
  }

  #hire(): WorkerProcess {
    const worker: WorkerProcess = new WorkerProcess(
      this.#config,
      (report) => this.#hear(worker, report),
      (why) => this.#events.onDeath(why),
    );
    return worker;
  }

  #hear(worker: WorkerProcess, report: Report): void {
    if (report.kind === 'merged') this.#events.onMerge(report.from);
    if (report.kind === 'start') this.start(report.collection);
    if (report.kind === 'entered') for (const watch of this.#watchers) watch({ worker, ...report });
    if (report.kind === 'ended') {
      this.#events.onEnd(report, this.#collections.get(report.execution) ?? '');
      this.#checkIdle();
    }
  }

  #checkIdle(): void {
    if (this.runningExecutions > 0) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }
}
