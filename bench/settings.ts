/**
 * `npm run bench:settings -- [--quick] [--json]`: what Chroma's own settings do to the blocks that a commit changes. The
 * engine is the one that `CHROMA_BIN` names, else the installed binding.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { Listr, type ListrTask } from 'listr2';
import { commandOf, describeRun } from './describe-run.ts';
import { type SettingsRun, settingsRun } from './settings/document.ts';
import { FULL_SETTINGS, QUICK_SETTINGS, type SettingsPlan } from './settings/matrix.ts';
import { Study } from './settings/parts.ts';
import { saveSettings, settingsTables } from './settings/report.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PARTS = ['log', 'load', 'index'] as const;

interface Options {
  quick?: boolean;
  json?: boolean;
  save?: boolean;
  part?: (typeof PARTS)[number];
  only?: string;
}

const program = new Command('npm run bench:settings --')
  .description("Measures what Chroma's settings do to the bytes of a commit, to a server's start, and to recall.")
  .option('--quick', 'small collections and few settings, in about a minute')
  .option('--json', 'print one JSON document')
  .option('--save', 'write results to bench/results/')
  .addOption(
    new Option('--part <name>', 'only this part; "load" measures times, and wants a quiet machine').choices(PARTS),
  )
  .option('--only <text>', 'only settings whose name contains this')
  .addHelpText('after', '\nExample:\n  npm run bench:settings -- --part log --only sync_threshold')
  .parse();
const options = program.opts<Options>();
const started = Date.now();
const results: Omit<SettingsRun, 'run'> = { log: [], load: [], index: [] };
const study = new Study(join(ROOT, '.work', 'bench', `settings-${process.pid}`));
try {
  await new Listr(tasksOf(options.quick ? QUICK_SETTINGS : FULL_SETTINGS), {
    renderer: options.json ? 'silent' : 'default',
    fallbackRenderer: options.json ? 'silent' : 'simple',
  }).run();
} finally {
  await study.remove();
}

const { quick, save, part, only } = options;
const flags = [quick && '--quick', save && '--save', part && `--part ${part}`, only && `--only "${only}"`];
const run = settingsRun.parse({
  run: {
    ...(await describeRun(ROOT, started)),
    command: commandOf('bench:settings', flags),
    seconds: (Date.now() - started) / 1_000,
  },
  ...results,
});
if (save) await saveSettings(join(ROOT, 'bench', 'results'), run);
process.stdout.write(options.json ? `${JSON.stringify(run, null, 2)}\n` : `\n${settingsTables(run)}\n`);

function tasksOf({ log, load, index }: SettingsPlan): ListrTask[] {
  const { part, only = '' } = options;
  const tasks = [
    ...log.settings.map((setting) => ({
      part: 'log',
      title: `${log.commits} commits: ${setting.name}`,
      task: async () => void results.log.push(await study.log(log, setting)),
    })),
    ...load.logged.map((logged) => ({
      part: 'load',
      title: `a server on a log of ${logged.toLocaleString('en')} records`,
      task: async () => void results.load.push(await study.load(load, logged)),
    })),
    ...index.settings.map((setting) => ({
      part: 'index',
      title: `an index: ${setting.name}`,
      task: async () => void results.index.push(await study.index(index, setting)),
    })),
  ];
  return tasks
    .filter((task) => (part === undefined || task.part === part) && task.title.includes(only))
    .map(({ title, task }) => ({ title, task }));
}
