/** The study as tables, and as files in `bench/results/`. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { markdown } from '../report/table.ts';
import { type SettingsRun, settingsDocument } from './document.ts';

const NAME = 'settings';
/** Records that the commit adds to the log before it persists. */
const PERSIST_AFTER = 100;

export function settingsTables({ log, load, index }: SettingsRun): string {
  const parts = [logTable(log), ownersTable(log), loadTable(load), indexTable(index)];
  return parts.filter((part) => part !== '').join('\n\n');
}

/** Writes `settings.json` and `settings.md`. What another engine or command has recorded there stays. */
export async function saveSettings(folder: string, run: SettingsRun): Promise<void> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${NAME}.json`);
  const { runs } = settingsDocument.parse(JSON.parse(await readFile(file, 'utf8').catch(() => '{"runs":[]}')));
  const identity = ({ run: { engine, command } }: SettingsRun) => `${engine}: ${command}`;
  const kept = [...runs.filter((other) => identity(other) !== identity(run)), run];
  kept.sort((a, b) => identity(a).localeCompare(identity(b), 'en'));
  await writeFile(file, `${JSON.stringify({ runs: kept }, null, 2)}\n`);
  await writeFile(join(folder, `${NAME}.md`), settingsPage(kept));
}

/** All recorded runs, each under its own heading. */
export function settingsPage(runs: readonly SettingsRun[]): string {
  return `${runs.map((one) => `${heading(one)}\n\n${settingsTables(one)}`).join('\n\n')}\n`;
}

function heading({ run }: SettingsRun): string {
  const { date, commit, command, machine, node, engine, seconds } = run;
  return [
    `## ${engine}: \`${command}\``,
    '',
    `Commit ${commit}, ${date}, on ${machine}; Node.js ${node}. It took ${Math.round(seconds)} s. What is measured, and ` +
      'how: [README.md](README.md#settings-of-chroma).',
  ].join('\n');
}

function logTable(rows: SettingsRun['log']): string {
  const [first] = rows;
  if (first === undefined) return '';
  const { records, commits, operations } = first;
  const heading = [
    'setting',
    'persists',
    'sqlite: median',
    'worst',
    'HNSW: mean',
    'worst',
    'both: mean',
    'stored: median',
    'worst',
    'mean',
    'of it rewritten',
    'sqlite file',
    'log records',
  ];
  const cells = rows.map((row) => [
    row.setting,
    row.persists,
    kib(row.sqlite.median),
    kib(row.sqlite.max),
    kib(row.hnsw.mean),
    kib(row.hnsw.max),
    kib(row.sqlite.mean + row.hnsw.mean),
    kib(row.stored.median),
    kib(row.stored.max),
    kib(row.stored.mean),
    kib(row.rewritten.mean),
    kib(row.files.sqlite),
    row.logged,
  ]);
  const title = `### ${commits} commits of ${operations} operations on ${records.toLocaleString('en')} records: KiB per commit`;
  return `${title}\n\nCounts of bytes.\n\n${markdown([heading, ...cells])}`;
}

function ownersTable(rows: SettingsRun['log']): string {
  const [first] = rows;
  if (first === undefined) return '';
  const total = first.sqlite.mean;
  const cells = Object.entries(first.owners).map(([owner, size]) => [
    owner,
    kib(size),
    `${((100 * size) / total).toFixed(0)} %`,
  ]);
  const title = `### What the changed blocks of \`chroma.sqlite3\` hold: ${first.setting}`;
  return `${title}\n\nCounts of bytes.\n\n${markdown([['pages of', 'KiB per commit, mean', 'share'], ...cells])}`;
}

function loadTable(rows: SettingsRun['load']): string {
  const [first] = rows;
  if (first === undefined) return '';
  const heading = [
    'log records',
    'sqlite grows by KiB',
    'persist: HNSW KiB',
    'HNSW KiB per 100 records',
    'server CPU ms',
    'start ms',
    'first query ms',
    'next queries ms',
    'first write ms',
    'commit with a persist ms',
  ];
  const cells = rows.map((row) => [
    row.logged,
    kib(row.sqliteGrowth),
    kib(row.persistHnsw),
    kib((row.persistHnsw * 100) / (row.logged + PERSIST_AFTER)),
    Math.round(row.engineCpuMs),
    Math.round(row.startMs),
    Math.round(row.firstQueryMs),
    row.queryMs.toFixed(1),
    Math.round(row.firstWriteMs),
    Math.round(row.persistMs),
  ]);
  const title = `### A server that opens a log, by the records in it, beside an index of ${first.records.toLocaleString('en')}`;
  const note = `Columns in KiB are counts. Columns in ms are times, medians of ${first.opens} starts, and hold for this machine only.`;
  return `${title}\n\n${note}\n\n${markdown([heading, ...cells])}`;
}

function indexTable(rows: SettingsRun['index']): string {
  const [first] = rows;
  if (first === undefined) return '';
  const heading = [
    'setting',
    'recall@10',
    'HNSW files KiB',
    'sqlite KiB',
    'stored KiB',
    'commit with a persist: HNSW',
    'sqlite',
    'stored',
    'fill s (time)',
  ];
  const cells = rows.map((row) => [
    row.setting,
    row.recallAt10.toFixed(4),
    kib(row.files.hnsw),
    kib(row.files.sqlite),
    kib(row.stored),
    kib(row.changedHnsw),
    kib(row.changedSqlite),
    kib(row.commitStored),
    (row.fillMs / 1_000).toFixed(1),
  ]);
  const title = `### Index of ${first.records.toLocaleString('en')} records, then one commit of ${first.upserts.toLocaleString('en')} upserts`;
  return `${title}\n\nCounts of bytes, but for the last column; recall over ${first.queries} queries.\n\n${markdown([heading, ...cells])}`;
}

function kib(size: number): string {
  return Math.round(size / 1_024).toLocaleString('en');
}
