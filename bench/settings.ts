/**
 * `npm run bench:settings -- [--quick] [--json]`: what Chroma's own settings do to the blocks that a commit changes. The
 * engine is the one that `CHROMA_BIN` names, else the installed binding.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import type { ListrTask } from 'listr2';
import { startTable } from '../local/table.ts';
import { commandOf, describeRun } from './describe-run.ts';
import { COLLECTION, fixture } from './fixture/build.ts';
import { runTasks, task } from './progress.ts';
import { type SettingsRun, settingsRun } from './settings/document.ts';
import { FULL_SETTINGS, LARGE_SETTINGS, QUICK_SETTINGS, type SettingsPlan } from './settings/matrix.ts';
import { Study } from './settings/parts.ts';
import { saveSettings, settingsTables } from './settings/report.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PARTS = ['log', 'load', 'index'] as const;

interface Options {
  quick?: boolean;
  large?: boolean;
  json?: boolean;
  save?: boolean;
  part?: (typeof PARTS)[number];
  only?: string;
}

const program = new Command('npm run bench:settings --')
  .description("Measures what Chroma's settings do to the bytes of a commit, to a server's start, and to recall.")
  .option('--quick', 'small collections and few settings, in about a minute')
  .option('--large', 'the log beside an index of 180,000 records: the snapshot that the bench keeps, built if need be')
  .option('--json', 'print one JSON document')
  .option('--save', 'write results to bench/results/')
  .addOption(
    new Option('--part <name>', 'only this part; "load" measures times, and wants a quiet machine').choices(PARTS),
  )
  .option('--only <text>', 'only settings whose name contains this')
  .addHelpText('after', '\nExample:\n  npm run bench:settings -- --part log --only sync_threshold')
  .parse();
const options = program.opts<Options>();
const { quick, large, json, save, part, only } = options;
const started = Date.now();
const description = await describeRun(ROOT, started);
const FIXTURES = join(ROOT, '.work', 'bench');
const results: Omit<SettingsRun, 'run'> = { log: [], load: [], index: [] };
const study = new Study(join(FIXTURES, `settings-${process.pid}`));
try {
  const plan = quick ? QUICK_SETTINGS : FULL_SETTINGS;
  await runTasks(large ? [built(LARGE_SETTINGS), ...tasksOf(LARGE_SETTINGS)] : tasksOf(plan), { json });
} finally {
  await study.remove();
}

const flags = [
  quick && '--quick',
  large && '--large',
  save && '--save',
  part && `--part ${part}`,
  only && `--only "${only}"`,
];
const run = settingsRun.parse({
  run: {
    ...description,
    command: commandOf('bench:settings', flags),
    seconds: (Date.now() - started) / 1_000,
  },
  ...results,
});
if (save) await saveSettings(join(ROOT, 'bench', 'results'), run);
process.stdout.write(json ? `${JSON.stringify(run, null, 2)}\n` : `\n${settingsTables(run)}\n`);

/** The fixture of the bench, which is only read. */
function built({ load: [first] }: SettingsPlan): ListrTask {
  const records = first?.records ?? 0;
  return task(`Build the snapshot of ${records.toLocaleString('en')} records (kept in .work/bench)`, async (report) => {
    const table = await startTable();
    try {
      const { root } = await fixture(FIXTURES, records, table.clientConfig, report);
      study.use(join(root, 'work', COLLECTION, '0', 'data'), records);
    } finally {
      await table.close();
    }
  });
}

function tasksOf({ log, load, index }: SettingsPlan): ListrTask[] {
  const tasks = [
    ...log.settings.map((setting) => ({
      part: 'log',
      title: `${log.commits} commits: ${setting.name}`,
      work: async () => void results.log.push(await study.log(log, setting)),
    })),
    ...load.map((plan) => ({
      part: 'load',
      title: `a server on a log of ${plan.logged.toLocaleString('en')} records`,
      work: async () => void results.load.push(await study.load(plan)),
    })),
    ...index.settings.map((setting) => ({
      part: 'index',
      title: `an index: ${setting.name}`,
      work: async () => void results.index.push(await study.index(index, setting)),
    })),
  ];
  return tasks
    .filter((one) => (part === undefined || one.part === part) && one.title.includes(only ?? ''))
    .map(({ title, work }) => task(title, work));
}
