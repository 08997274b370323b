/** The CLI as scripts use it: one process per command, JSON on stdout, an exit code. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
  // biome-ignore lint/suspicious/noExplicitAny: each command has its own document
  json: any;
}

/** Run `compactor` on the local stack of a data directory. */
export async function runCommand(
  data: string,
  args: readonly string[],
  options: { stdin?: string; env?: NodeJS.ProcessEnv; json?: boolean } = {},
): Promise<CommandResult> {
  const { stdin = '', env = process.env, json = true } = options;
  const all = ['cli/main.ts', '--data', data, ...(json ? ['--json'] : []), ...args];
  const child = spawn(process.execPath, all, { env });
  child.stdin.end(stdin);
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { code, stdout, stderr, json: json && stdout !== '' ? JSON.parse(stdout) : undefined };
}
