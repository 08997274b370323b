/** The commands of `compactor`: their arguments, and their help. docs/reference/cli.md is generated from it. */
import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { Command } from 'commander';
import { EXIT, EXIT_MEANINGS, reportUsage } from './output.ts';

type Add = (program: Command) => void;

/** In the order of the help. Each command is loaded on demand, since loading what all of them need takes long. */
const COMMANDS: Readonly<Record<string, () => Promise<Add>>> = {
  create: async () => (await import('./commands/create.ts')).create,
  import: async () => (await import('./commands/import.ts')).importSnapshot,
  submit: async () => (await import('./commands/submit.ts')).submit,
  start: async () => (await import('./commands/start.ts')).start,
  wait: async () => (await import('./commands/wait.ts')).wait,
  collections: async () => (await import('./commands/collections.ts')).collections,
  status: async () => (await import('./commands/status.ts')).status,
  deltas: async () => (await import('./commands/deltas.ts')).deltas,
  rejections: async () => (await import('./commands/rejections.ts')).rejections,
  explain: async () => (await import('./commands/explain.ts')).explain,
  aside: async () => (await import('./commands/aside.ts')).aside,
  versions: async () => (await import('./commands/versions.ts')).versions,
  query: async () => (await import('./commands/query.ts')).query,
  get: async () => (await import('./commands/get.ts')).get,
  checkout: async () => (await import('./commands/checkout.ts')).checkout,
  verify: async () => (await import('./commands/verify.ts')).verify,
  rollback: async () => (await import('./commands/rollback.ts')).rollback,
  vacuum: async () => (await import('./commands/vacuum.ts')).vacuum,
  'correct-space': async () => (await import('./commands/correct-space.ts')).correctSpace,
  gc: async () => (await import('./commands/gc.ts')).gc,
  locks: async () => (await import('./commands/locks.ts')).locks,
  release: async () => (await import('./commands/release.ts')).release,
  adopt: async () => (await import('./commands/adopt.ts')).adopt,
  events: async () => (await import('./commands/events.ts')).events,
  names: async () => (await import('./commands/names.ts')).names,
  drop: async () => (await import('./commands/drop.ts')).drop,
  engines: async () => (await import('./commands/engines.ts')).engines,
  serve: async () => (await import('./commands/serve.ts')).serve,
};

/**
 * @param args What was typed, without node and script: only the command that it names is loaded. If `args` is missing
 * or names no command, all of them are.
 */
export async function createProgram(
  env: NodeJS.ProcessEnv = process.env,
  args: readonly string[] = [],
): Promise<Command> {
  const name = globalOptions(env).parseOptions([...args]).operands[0] ?? '';
  const isNamed = Object.hasOwn(COMMANDS, name);
  const wanted = isNamed ? [name] : Object.keys(COMMANDS);
  const program = globalOptions(env);
  // Beside a command, --version is that command's: the version of a collection.
  if (!isNamed) program.version(packageVersion(), '--version', 'print the version of this program');
  // Subcommands inherit this configuration, so it must come before them.
  program.configureOutput({
    outputError: (text) => reportUsage(text, program.opts<{ json?: boolean }>().json ?? args.includes('--json')),
  });
  for (const add of await Promise.all(wanted.map((each) => COMMANDS[each]?.()))) add?.(program);
  return program;
}

/** Of the package that this file is in, compiled or not. */
function packageVersion(): string {
  const path = findPackageJSON(import.meta.url);
  if (path === undefined) throw new Error('This program lies in no package.');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

function globalOptions(env: NodeJS.ProcessEnv): Command {
  return new Command('compactor')
    .description('Versioned Chroma collections on S3, merged by Step Functions.')
    .option('--data <dir>', 'data directory of the local stack', env.COMPACTOR_DATA ?? '.compactor')
    .option('--json', 'print one JSON document')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT.ok : EXIT.badInput))
    .addHelpText(
      'after',
      `
Works on AWS when STORE_URL, TABLE_NAME and STATE_MACHINE_ARN are set, all three; on the local stack when none is.
Exit codes: ${Object.entries(EXIT_MEANINGS)
        .map(([code, { word }]) => `${code} ${word}`)
        .join(', ')}.

Example:
  compactor create pets --dimension 3
  echo '{"op":"upsert","id":"cat","embedding":[1,0,0]}' | compactor submit pets
  compactor start pets
  compactor query pets --embedding '[1,0,0]'`,
    );
}
