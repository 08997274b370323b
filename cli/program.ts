/** The commands of `compactor`: what they take, and what their help says. docs/reference/cli.md is made from it. */
import { Command } from 'commander';
import { adopt } from './commands/adopt.ts';
import { aside } from './commands/aside.ts';
import { checkout } from './commands/checkout.ts';
import { correctSpace } from './commands/correct-space.ts';
import { create } from './commands/create.ts';
import { drop } from './commands/drop.ts';
import { events } from './commands/events.ts';
import { explain } from './commands/explain.ts';
import { gc } from './commands/gc.ts';
import { get } from './commands/get.ts';
import { importSnapshot } from './commands/import.ts';
import { locks } from './commands/locks.ts';
import { names } from './commands/names.ts';
import { query } from './commands/query.ts';
import { release } from './commands/release.ts';
import { rollback } from './commands/rollback.ts';
import { serve } from './commands/serve.ts';
import { start } from './commands/start.ts';
import { status } from './commands/status.ts';
import { submit } from './commands/submit.ts';
import { vacuum } from './commands/vacuum.ts';
import { verify } from './commands/verify.ts';
import { versions } from './commands/versions.ts';
import { wait } from './commands/wait.ts';
import { EXIT, EXIT_MEANINGS, reportUsage } from './output.ts';

const COMMANDS = [
  ...[create, importSnapshot, submit, start, wait, status, explain, aside],
  ...[versions, query, get, checkout, verify, rollback, vacuum, correctSpace, gc, locks, release, adopt, events],
  ...[names, drop, serve],
];

export function createProgram(env: NodeJS.ProcessEnv = process.env): Command {
  const program = new Command('compactor')
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
  // Subcommands take this over, so it comes before them.
  program.configureOutput({
    outputError: (text) => reportUsage(text, program.opts<{ json?: boolean }>().json ?? process.argv.includes('--json')),
  });
  for (const add of COMMANDS) add(program);
  return program;
}
