/** Finds a Chroma server that runs on this machine, and checks that by asking for its version. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { EngineUnavailableError } from '../../errors/errors.ts';
import type { EngineIdentity } from '../../ports.ts';

/** `command ...args` is the Chroma command line; add `run ...` or `--version`. */
export interface LocatedEngine {
  command: string;
  args: readonly string[];
  identity: EngineIdentity;
}

interface Candidate {
  source: string;
  /** @throws Error (no such program or package here) */
  find(): Promise<{ command: string; args: readonly string[] }>;
}

const VERSION_TIMEOUT_MS = 30_000;
/**
 * An older Chroma, for systems on which the one that comes with `chromadb` does not load. It has 417 MB, so it is
 * installed only on request.
 */
export const COMPATIBLE = {
  name: 'chromadb-bindings-compat-linux-x64',
  package: 'npm:chromadb-js-bindings-linux-x64-gnu@1.0.5',
} as const;
/**
 * A binding blocks the thread that calls it, so it runs in a Node process of its own. The script is given inline
 * because a file beside this module would not survive bundling.
 */
const RUN_BINDING =
  // Node ignores this signal, so a write beyond the limit would be cut off silently. Adding and removing a listener
  // restores the default action, which ends the process.
  'const stay = () => {}; process.on("SIGXFSZ", stay).off("SIGXFSZ", stay); ' +
  'require(process.argv[1]).cli(["chroma", ...process.argv.slice(2)])';

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const proven = new Map<string, Promise<LocatedEngine>>();

/**
 * The engine of this process. `CHROMA_BIN`, if set, is the only candidate: falling back to another engine would
 * silently change the version. Otherwise the binding that comes with `chromadb`, then the older one for older systems.
 * The result is kept for the life of the process.
 * @throws EngineUnavailableError, saying what was tried and why each failed
 */
export function locateEngine(env: NodeJS.ProcessEnv = process.env): Promise<LocatedEngine> {
  const key = env.CHROMA_BIN ?? '';
  let found = proven.get(key);
  if (found === undefined) {
    found = prove(key === '' ? bindings() : [program(key)]);
    proven.set(key, found);
    // A failure may be temporary (a full disk, no memory), so only successes are kept.
    found.catch(() => proven.delete(key));
  }
  return found;
}

/** The whole environment of an engine process: no telemetry, no reset, no stray configuration. */
export function engineEnvironment(): NodeJS.ProcessEnv {
  const { PATH, LD_LIBRARY_PATH, LANG, TZ } = process.env;
  return {
    ...{ PATH, LD_LIBRARY_PATH, LANG, TZ, TMPDIR: tmpdir(), HOME: tmpdir(), ANONYMIZED_TELEMETRY: 'False' },
    // Otherwise newer servers print several lines for each request, and whoever reads them wakes up for each.
    RUST_LOG: 'warn',
  };
}

function program(path: string): Candidate {
  return {
    source: path,
    async find() {
      await access(path, constants.X_OK);
      return { command: path, args: [] };
    },
  };
}

function bindings(): Candidate[] {
  const suffix = { linux: '-gnu', win32: '-msvc' }[process.platform as string] ?? '';
  const target = `${process.platform}-${process.arch}`;
  const current = `chromadb-js-bindings-${target}${suffix}`;
  return [
    binding(current, () => createRequire(require.resolve('chromadb')).resolve(current)),
    binding(COMPATIBLE.name, () => require.resolve(COMPATIBLE.name)),
  ];
}

function binding(source: string, resolve: () => string): Candidate {
  const options = ['--no-warnings', '--input-type=commonjs', '-e', RUN_BINDING, '--'];
  return { source, find: async () => ({ command: process.execPath, args: [...options, resolve()] }) };
}

async function prove(candidates: readonly Candidate[]): Promise<LocatedEngine> {
  const failures: string[] = [];
  for (const { source, find } of candidates) {
    try {
      const { command, args } = await find();
      return { command, args, identity: { name: 'chroma', version: await versionOf(command, args), source } };
    } catch (error) {
      failures.push(`${source}: ${reason(error)}`);
    }
  }
  throw new EngineUnavailableError(
    `No Chroma server runs here. Tried ${failures.join('; ')}. Set CHROMA_BIN to the path of an executable "chroma". ` +
      `Or unset it, and on Linux on x64 with glibc 2.34 or later: npm install ${COMPATIBLE.name}@${COMPATIBLE.package}`,
  );
}

async function versionOf(command: string, args: readonly string[]): Promise<string> {
  const options = { env: engineEnvironment(), timeout: VERSION_TIMEOUT_MS, killSignal: 'SIGKILL' as const };
  const { stdout } = await run(command, [...args, '--version'], options).catch(outputBeforeCrash);
  const version = /\b\d+\.\d+\.\d+[0-9A-Za-z.+-]*/.exec(stdout)?.[0];
  if (version === undefined) throw new Error(`"--version" printed no version but "${stdout.trim().slice(0, 100)}"`);
  return version;
}

/**
 * A binding ends `--version` by C's `exit` while Node's threads still run; about one call in 300 then crashes after it
 * has printed its version (seen with 1.0.0 on two cores). By then we have the answer.
 */
function outputBeforeCrash(error: { signal?: string; killed?: boolean; stdout?: string }): { stdout: string } {
  const { signal, killed = false, stdout = '' } = error;
  if (typeof signal === 'string' && !killed && stdout !== '') return { stdout };
  throw error;
}

/** The relevant line of a failure: Node prints a whole stack when a binding does not load. */
function reason(error: unknown): string {
  const { stderr, message, code } = error as { stderr?: string; message: string; code?: unknown };
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'it is not executable';
  if (code === 'MODULE_NOT_FOUND') return 'the package is not installed';
  const line = stderr?.split('\n').find((text) => /error/i.test(text));
  return (line ?? message).trim().slice(0, 300);
}
