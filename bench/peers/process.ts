/** A process of the comparison, seen from the bench: it is asked, answers, and can be killed. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Answer, Request } from './messages.ts';

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));

export class PeerProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { done: (answer: Answer) => void; failed: (error: Error) => void }>();
  #asked = 0;
  /** Hears of each write that is acknowledged. */
  onAck: (ack: { n: number; ms: number; at: number }) => void = () => {};

  constructor() {
    this.#child = fork(WORKER, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#child.on('message', ({ to, ...answer }: Answer & { to: number }) => {
      if (answer.ack !== undefined) return this.onAck(answer.ack);
      const waiting = this.#waiting.get(to);
      this.#waiting.delete(to);
      if (answer.error === undefined) waiting?.done(answer);
      else waiting?.failed(new Error(answer.error));
    });
    this.#child.once('exit', (code, signal) => {
      for (const { failed } of this.#waiting.values()) failed(new Error(`A process ended with ${code ?? signal}.`));
      this.#waiting.clear();
    });
  }

  ask(request: Request): Promise<Answer> {
    return new Promise((done, failed) => {
      this.#waiting.set(++this.#asked, { done, failed });
      this.#child.send({ ...request, from: this.#asked }, (error) => {
        if (error !== null) failed(error);
      });
    });
  }

  /** SIGKILL, and its end. What it started goes with it. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  /** In order. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    await this.ask({ kind: 'end' }).catch(() => {});
    this.#child.disconnect();
    await gone;
  }
}
