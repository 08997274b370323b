/** `chroma run`, as somebody starts it by hand: no limits, and no care for what an earlier one left. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { launcher, signalGroup } from '../../lambdas/adapters/chroma/children.ts';
import { HOST, reservePort } from '../../lambdas/adapters/chroma/free-port.ts';
import { engineEnvironment, locateEngine } from '../../lambdas/adapters/chroma/locator.ts';

const START_MS = 60_000;
const POLL_MS = 50;

export class PlainServer {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
  }

  /** Resolves when it answers. It goes with this process. @throws Error (it does not answer in time) */
  static async start(path: string): Promise<PlainServer> {
    const { command, args } = await locateEngine();
    const { port, free } = await reservePort();
    const run = ['run', '--path', path, '--host', HOST, '--port', String(port)];
    const child = spawn('/bin/sh', [...launcher(), command, ...args, ...run], {
      cwd: tmpdir(),
      env: engineEnvironment(),
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    const server = new PlainServer(port, child);
    const end = performance.now() + START_MS;
    while (!(await isUp(port))) {
      if (performance.now() > end || child.exitCode !== null) {
        await server.kill();
        throw new Error(`No Chroma server came up on "${path}".`);
      }
      await sleep(POLL_MS);
    }
    free();
    return server;
  }

  /** SIGKILL, and its end. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined) return;
    const gone = once(this.#child, 'exit');
    signalGroup(this.#child.pid, 'SIGKILL');
    await gone;
  }
}

async function isUp(port: number): Promise<boolean> {
  const answer = await fetch(`http://${HOST}:${port}/api/v2/heartbeat`).catch(() => undefined);
  return answer?.ok ?? false;
}
