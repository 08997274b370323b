/** Finds a Chroma server that runs on this machine, and checks that by asking for its version (ADR 61). */
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { ENGINE_ADVICE } from '../../errors/engine-advice.ts';
import { EngineUnavailableError } from '../../errors/errors.ts';
import type { EngineIdentity } from '../../ports.ts';
import { type Candidate, COMPATIBLE, candidates, type EngineEnvironment, type FoundBy } from './candidates.ts';

/** `command ...args` is the Chroma command line; add `run ...` or `--version`. */
export interface LocatedEngine {
  command: string;
  args: readonly string[];
  identity: EngineIdentity;
}

/** A place that was looked at: what runs there, or why nothing does. */
export interface LookedAt {
  /** A package's name, or a path. */
  source: string;
  foundBy: FoundBy;
  version: string | null;
  problem: string | null;
}

const VERSION_TIMEOUT_MS = 30_000;
const ANY_VERSION = /\b\d+\.\d+\.\d+[0-9A-Za-z.+-]*/;
/** Other programs are called `chroma`, too; Chroma's own says its name first. */
const OWN_VERSION = /(?<=^chroma )\d+\.\d+\.\d+[0-9A-Za-z.+-]*/m;

const run = promisify(execFile);
const proven = new Map<string, Promise<LocatedEngine>>();

/**
 * The engine of this process. `CHROMA_BIN`, if set, is the only candidate: falling back to another engine would
 * silently change the version. Otherwise the binding that comes with `chromadb`, then the older one for older systems.
 * Only where neither can run, `chroma` of an active virtual environment, then the one on the path. The result is kept
 * for the life of the process.
 * @throws EngineUnavailableError, saying what was tried and why each failed
 */
export function locateEngine(env: EngineEnvironment = process.env): Promise<LocatedEngine> {
  const key = JSON.stringify(env.CHROMA_BIN ? [env.CHROMA_BIN] : ['', env.VIRTUAL_ENV || '', env.PATH || '']);
  let found = proven.get(key);
  if (found === undefined) {
    found = candidates(env).then(chooseEngine);
    proven.set(key, found);
    // A failure may be temporary (a full disk, no memory), so only successes are kept.
    found.catch(() => proven.delete(key));
  }
  return found;
}

/** Every candidate in this environment, in order, also those that `locateEngine` would not try. */
export async function lookEverywhere(env: EngineEnvironment = process.env): Promise<LookedAt[]> {
  return Promise.all(
    (await candidates(env)).map(async (candidate) => {
      const { source, foundBy } = candidate;
      try {
        const { identity } = await tryCandidate(candidate);
        return { source, foundBy, version: identity.version, problem: null };
      } catch (error) {
        return { source, foundBy, version: null, problem: reason(error) };
      }
    }),
  );
}

/** The whole environment of an engine process: no telemetry, no reset, no stray configuration. */
export function engineEnvironment(): NodeJS.ProcessEnv {
  const { PATH, LD_LIBRARY_PATH, LANG, TZ } = process.env;
  return { PATH, LD_LIBRARY_PATH, LANG, TZ, TMPDIR: tmpdir(), HOME: tmpdir(), ANONYMIZED_TELEMETRY: 'False' };
}

/**
 * The rule of `locateEngine`, on candidates in their order.
 * @throws EngineUnavailableError
 */
export async function chooseEngine(places: readonly Candidate[]): Promise<LocatedEngine> {
  const failures: string[] = [];
  let isBusy = false;
  for (const candidate of places) {
    // A busy machine is no reason to take a server that nobody chose, which may be of another version.
    if (isBusy && candidate.foundBy !== 'npm') break;
    try {
      return await tryCandidate(candidate);
    } catch (error) {
      failures.push(`${candidate.source}: ${reason(error)}`);
      if (candidate.foundBy === 'CHROMA_BIN') break;
      isBusy ||= !cannotRun(error);
    }
  }
  throw new EngineUnavailableError(
    `No Chroma server runs here. Tried ${failures.join('; ')}. Set CHROMA_BIN to the path of an executable "chroma": ` +
      `${ENGINE_ADVICE} Or unset it, and on Linux on x64 with glibc 2.34 or later, an older one: ` +
      `npm install ${COMPATIBLE.name}@${COMPATIBLE.package}`,
  );
}

async function tryCandidate({ source, foundBy, find }: Candidate): Promise<LocatedEngine> {
  const { command, args } = await find();
  const isChosen = foundBy === 'npm' || foundBy === 'CHROMA_BIN';
  const version = await versionOf(command, args, isChosen ? ANY_VERSION : OWN_VERSION);
  return { command, args, identity: { name: 'chroma', version, source } };
}

async function versionOf(command: string, args: readonly string[], pattern: RegExp): Promise<string> {
  const options = { env: engineEnvironment(), timeout: VERSION_TIMEOUT_MS, killSignal: 'SIGKILL' as const };
  const { stdout } = await run(command, [...args, '--version'], options).catch(outputBeforeCrash);
  const version = pattern.exec(stdout)?.[0];
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

/** It is not there, or ended by itself with an error; not: it was too slow, was killed, or was refused memory. */
function cannotRun(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'number' || code === 'MODULE_NOT_FOUND';
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
