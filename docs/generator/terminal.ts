/** A shell in a directory of its own, as a reader of the documentation has one: what is typed into it really runs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { environment } from '../../lambdas/runtime/config.ts';

export interface Typed {
  /** Both streams, as they come. */
  output: string;
  /** Of the first command that failed, else 0. */
  exitCode: number;
}

export interface Terminal {
  readonly directory: string;
  /** Type lines into the shell. Its variables, functions and directory stay. One call at a time. */
  type(lines: string): Promise<Typed>;
  /**
   * Type lines into another terminal, where they go on running. Resolves as soon as `isReady` says so of the output.
   * @throws Error when the lines end, or ten minutes pass, before that
   */
  leaveRunning(lines: string, isReady: (output: string) => boolean): Promise<string>;
  /** Ends everything that still runs in it. */
  close(): Promise<void>;
}

const MARK = '~~ typed ~~';
/** Far more than it takes: only what hangs should end here. */
const PATIENCE_MS = 600_000;
const POLL_MS = 50;
/** Of a process that was asked to end, before it is killed. */
const GRACE_MS = 10_000;

export function openTerminal(directory: string, variables: Record<string, string> = {}): Terminal {
  const env = environmentWith(variables);
  const shell = spawn('bash', ['--noprofile', '--norc'], { cwd: directory, env, detached: true });
  const left: ChildProcess[] = [];
  let output = '';
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  shell.stdin.write('exec 2>&1\nset -E\n');
  return {
    directory,
    async type(lines) {
      output = '';
      const script = join(directory, '.typed.sh');
      await writeFile(script, `${lines}\n`);
      shell.stdin.write(
        `failed=0; trap 'failed=$?' ERR; . '${script}' </dev/null; trap - ERR; printf '\\n${MARK} %s\\n' "$failed"\n`,
      );
      const end = new RegExp(`\\n${MARK} (\\d+)\\n$`);
      for (;;) {
        const found = end.exec(output);
        if (found !== null) return { output: output.slice(0, found.index), exitCode: Number(found[1]) };
        if (shell.exitCode !== null) throw new Error(`The shell has ended: ${output}`);
        await sleep(POLL_MS);
      }
    },
    async leaveRunning(lines, isReady) {
      const child = spawn('bash', ['--noprofile', '--norc', '-c', lines], {
        cwd: directory,
        env,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      left.push(child);
      let printed = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          printed += text;
        });
      }
      for (const deadline = Date.now() + PATIENCE_MS; !isReady(printed); ) {
        if (child.exitCode !== null || Date.now() > deadline) throw new Error(`"${lines}" is not ready: ${printed}`);
        await sleep(POLL_MS);
      }
      return printed;
    },
    async close() {
      await Promise.all([...left, shell].map(end));
    },
  };
}

/** What would steer the commands otherwise than the page says: settings of a compactor, of AWS, of npm and of test runs. */
const NOT_PASSED_ON = new Set([
  'NODE_ENV',
  'NODE_OPTIONS',
  'INIT_CWD',
  'FORCE_COLOR',
  ...Object.keys(environment.shape),
]);
const NOT_PASSED_ON_EITHER = /^(AWS_|COMPACTOR_|VITEST|npm_(lifecycle|package|command|execpath|node))/;

/** The node of this process comes first. */
function environmentWith(variables: Record<string, string>): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !NOT_PASSED_ON.has(name) && !NOT_PASSED_ON_EITHER.test(name),
  );
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`;
  return { ...Object.fromEntries(own), PATH, NO_COLOR: '1', ...variables };
}

/** The whole group, since npm does not hand a signal on to what it runs. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  signal(child.pid, 'SIGTERM');
  if ((await Promise.race([ended, sleep(GRACE_MS, 'late')])) === 'late') signal(child.pid, 'SIGKILL');
  await ended;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch {
    // It has ended by itself.
  }
}
