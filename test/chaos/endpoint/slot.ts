/** A place for an endpoint: when the one in it is killed, another takes it, with the same directories. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { WorkerConfig } from '../messages.ts';

const SERVER = fileURLToPath(new URL('server.ts', import.meta.url));
const KEPT_ERRORS = 2_000;

export interface Answer {
  status: number;
  text: string;
}

export class Slot {
  readonly #config: WorkerConfig;
  /** Where its processes keep what is temporary: nothing outside may be left behind. */
  readonly #temporary: string;
  readonly #onDeath: (why: string) => void;
  #child: ChildProcessByStdio<Writable, Readable, Readable>;
  #port: Promise<number>;
  #isClosed = false;

  /** @param onDeath Told of a death that nobody ordered. */
  constructor(config: WorkerConfig, temporary: string, onDeath: (why: string) => void) {
    this.#config = config;
    this.#temporary = temporary;
    this.#onDeath = onDeath;
    [this.#child, this.#port] = this.#hire();
  }

  /** Ask whoever is in the place. @throws Error (it died, or nobody answered) */
  async send(method: string, path: string, body?: string): Promise<Answer> {
    const port = await this.#port;
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers, ...(body && { body }) });
    return { status: answer.status, text: await answer.text() };
  }

  /** Resolves when somebody can be asked. */
  async ready(): Promise<void> {
    await this.#port;
  }

  /** SIGKILL; another one starts at once. */
  async kill(): Promise<void> {
    const dying = this.#end();
    if (!this.#isClosed) [this.#child, this.#port] = this.#hire();
    await dying;
  }

  /** SIGKILL, for good. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#end();
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    child.removeAllListeners('exit');
    child.kill('SIGKILL');
    await closed;
  }

  #hire(): [ChildProcessByStdio<Writable, Readable, Readable>, Promise<number>] {
    const args = ['--disable-warning=ExperimentalWarning', SERVER, JSON.stringify(this.#config)];
    const child = spawn(process.execPath, args, { stdio: 'pipe', env: { ...process.env, TMPDIR: this.#temporary } });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-KEPT_ERRORS);
    });
    child.stdin.on('error', () => {});
    child.once('exit', (code, signal) => this.#onDeath(`An endpoint ended with ${signal ?? code}: ${errors}`));
    const port = new Promise<number>((resolve, reject) => {
      child.stdout.once('data', (text: Buffer) => resolve(Number(text)));
      child.once('close', () => reject(new Error(`An endpoint ended before it listened: ${errors}`)));
    });
    // Whoever asks hears of it.
    port.catch(() => {});
    return [child, port];
  }
}
