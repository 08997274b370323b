/** The harness' side of one worker process: what it was told, what it said last, and how it ends. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Order, Report, WorkerConfig } from './messages.ts';

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));
const KEPT_ERRORS = 2_000;

export class WorkerProcess {
  /** Resolves when it can be given work; rejects if it dies before. */
  readonly ready: Promise<void>;
  /** Executions that have not ended, with the state that each entered last. */
  readonly running = new Map<string, string>();
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Resolves once all that it said has been heard. */
  readonly #closed: Promise<unknown>;
  #errors = '';
  #wasStopped = false;

  /** @param onDeath Told of a death that nobody ordered. */
  constructor(config: WorkerConfig, onReport: (report: Report) => void, onDeath: (why: string) => void) {
    this.#child = spawn(process.execPath, [WORKER, JSON.stringify(config)], { stdio: 'pipe' });
    this.#child.stdin.on('error', () => {});
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-KEPT_ERRORS);
    });
    const lines = createInterface({ input: this.#child.stdout });
    this.#closed = Promise.all([once(lines, 'close'), once(this.#child, 'close')]);
    this.ready = new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        const report = JSON.parse(line) as Report;
        if (report.kind === 'ready') resolve();
        if (report.kind === 'entered') this.running.set(report.execution, report.state);
        if (report.kind === 'ended') this.running.delete(report.execution);
        onReport(report);
      });
      this.#child.once('close', (code, signal) => {
        const why = `A worker ended with ${signal ?? code}: ${this.#errors}`;
        reject(new Error(why));
        if (!this.#wasStopped) onDeath(why);
      });
    });
    // Whoever waits hears of it; a worker that is killed while it starts is nobody's trouble.
    this.ready.catch(() => {});
  }

  get alive(): boolean {
    return !this.#wasStopped && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  give(order: Order): void {
    this.running.set(order.execution, '');
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
  }

  /** SIGKILL. Resolves with the executions that died with it, and the state that each was in. */
  async kill(): Promise<Map<string, string>> {
    this.#wasStopped = true;
    this.#child.kill('SIGKILL');
    await this.#closed;
    return new Map(this.running);
  }

  /** Let it end by itself, which it does at the end of its input. */
  async stop(): Promise<void> {
    this.#wasStopped = true;
    this.#child.stdin.end();
    await this.#closed;
  }
}
