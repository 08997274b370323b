/** Installs a peer once: several test files may ask for the same one at the same time, and a first run takes minutes. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { FileLock } from '../../lambdas/adapters/store/file-lock.ts';
import { StoreUnavailableError } from '../../lambdas/errors/errors.ts';

const WORK = fileURLToPath(new URL('../../.work', import.meta.url));
const OUTPUT_LIMIT_BYTES = 64 * 1024 * 1024;

/** Where a peer is, or why it cannot be had here; tests are skipped for that reason alone. */
export type Runtime = { where: string } | { missing: string };

export interface Installation {
  /** It goes into `.work/peers-<name>`. */
  name: string;
  /** Everything that decides what is installed: when it changes, the directory is made anew. */
  pinned: string;
  /** Gets an empty directory. */
  install: (directory: string) => Promise<void>;
}

/** Returns the directory. @throws what `install` throws; the next caller starts afresh */
export async function installOnce({ name, pinned, install }: Installation): Promise<string> {
  const directory = join(WORK, `peers-${name}`);
  const marker = join(directory, 'installed');
  const digest = createHash('sha256').update(pinned).digest('hex');
  await mkdir(WORK, { recursive: true });
  await alone(`${directory}.lock`, async () => {
    if ((await readFile(marker, 'utf8').catch(() => '')) === digest) return;
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory);
    await reported(`${name}: installing into ${directory}`, () => install(directory));
    await writeFile(marker, digest);
  });
  return directory;
}

/** Run a command to its end, silently. @throws Error (with what it printed) */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { env = {}, ...rest } = options;
  const settings = { ...rest, env: { ...process.env, ...env }, maxBuffer: OUTPUT_LIMIT_BYTES };
  return (await promisify(execFile)(command, args, settings)).stdout;
}

export interface RunOptions {
  cwd?: string;
  /** In addition to this process's own. */
  env?: Record<string, string>;
}

/** `undefined` when the command is there; otherwise why it is of no use. */
export async function whyNot(command: string, args: readonly string[] = ['--version']): Promise<string | undefined> {
  try {
    await run(command, args);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? `${command} is not installed` : `${command} ${args.join(' ')} ended with ${code}`;
  }
}

/** Whoever waits for another's installation has more patience than the lock itself. */
async function alone(path: string, task: () => Promise<void>): Promise<void> {
  const lock = new FileLock(path);
  for (;;) {
    try {
      return await lock.run(task);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
  }
}

async function reported(what: string, task: () => Promise<void>): Promise<void> {
  const started = performance.now();
  console.log(`${what} ...`);
  await task();
  console.log(`${what}: done in ${Math.round((performance.now() - started) / 1000)} s`);
}
