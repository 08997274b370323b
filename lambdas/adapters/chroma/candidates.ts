/** Where a Chroma server may be, in the order in which the places are tried (ADR 61). */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, isAbsolute, join } from 'node:path';

export type FoundBy = 'CHROMA_BIN' | 'npm' | 'VIRTUAL_ENV' | 'PATH';

export interface Candidate {
  /** A package's name, or a path. */
  source: string;
  foundBy: FoundBy;
  /** @throws Error (no such program or package here) */
  find(): Promise<{ command: string; args: readonly string[] }>;
}

/** As far as the search depends on it. */
export interface EngineEnvironment {
  CHROMA_BIN?: string | undefined;
  VIRTUAL_ENV?: string | undefined;
  PATH?: string | undefined;
}

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

const PROGRAM = 'chroma';
/** `npm run` puts it first on the path; what lies there is a wrapper of npm's own binding. */
const NPM_PROGRAMS = join('node_modules', '.bin');

const require = createRequire(import.meta.url);

/**
 * In this order: `CHROMA_BIN`; npm's bindings; `chroma` of an active virtual environment; the first on the path. Nothing
 * is started.
 */
export async function candidates({ CHROMA_BIN, VIRTUAL_ENV, PATH }: EngineEnvironment): Promise<Candidate[]> {
  const active = VIRTUAL_ENV && isAbsolute(VIRTUAL_ENV) ? join(VIRTUAL_ENV, 'bin', PROGRAM) : undefined;
  const onPath = await firstOn(PATH ?? '');
  const places = [
    ...(CHROMA_BIN ? [program(CHROMA_BIN, 'CHROMA_BIN')] : []),
    ...bindings(),
    ...(active !== undefined && (await isExecutable(active)) ? [program(active, 'VIRTUAL_ENV')] : []),
    ...(onPath === undefined ? [] : [program(onPath, 'PATH')]),
  ];
  // An active virtual environment is on the path as well.
  return places.filter(({ source }, at) => places.findIndex((other) => other.source === source) === at);
}

/** A relative folder means another one for each directory that a command is typed in. */
async function firstOn(path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter)) {
    if (!isAbsolute(folder) || folder.endsWith(NPM_PROGRAMS)) continue;
    const file = join(folder, PROGRAM);
    if (await isExecutable(file)) return file;
  }
  return undefined;
}

function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function program(path: string, foundBy: FoundBy): Candidate {
  return {
    source: path,
    foundBy,
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
  return { source, foundBy: 'npm', find: async () => ({ command: process.execPath, args: [...options, resolve()] }) };
}
