/** The history of a snapshot under small compactions, as tables and as it is kept in `bench/results/`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bytes } from '../../cli/output.ts';
import { boundsTable, markdown } from '../report/table.ts';
import type { FragmentationDocument, Row } from './document.ts';
import { fragmentationPlot } from './plot.ts';

/** Rows of the Markdown table; the JSON has all of the series. */
const MOST_ROWS = 25;

export function fragmentationTables(document: FragmentationDocument): string {
  const { series, hydrates } = document;
  const every = Math.ceil(series.length / MOST_ROWS);
  const shown = series.filter((_, at) => at % every === 0 || at === series.length - 1);
  const { fragmented, fresh } = hydrates;
  const hydrate = (name: string, side: typeof fresh) => [
    name,
    Math.round(side.wallMs),
    bytes(side.storeBytesDown),
    side.storeRequests,
    bytes(side.storedBytes),
  ];
  return [
    `### The version by number of small compactions\n\n${markdown([HEADING, ...shown.map(cells)])}`,
    `### Cold hydrate from S3, median of ${hydrates.repetitions}\n\n${markdown([
      ['version', 'wall ms', 'from S3', 'requests', 'stored'],
      hydrate(`after ${document.compactions.toLocaleString('en')} small compactions`, fragmented),
      hydrate('the same content, freshly written', fresh),
      [
        'ratio',
        ratio(fragmented.wallMs, fresh.wallMs),
        ratio(fragmented.storeBytesDown, fresh.storeBytesDown),
        ratio(fragmented.storeRequests, fresh.storeRequests),
        ratio(fragmented.storedBytes, fresh.storedBytes),
      ],
    ])}`,
    boundsTable({ bounds: document.bounds, run: { failsOnTiming: true } }),
  ].join('\n\n');
}

function ratio(a: number, b: number): string {
  return (a / b).toFixed(2);
}

const HEADING = [
  'compactions',
  'snapshot',
  'stored',
  'stored, decompressed',
  'of snapshot',
  'packs',
  'frames',
  'extents',
  'manifest',
  'changed so far',
  'written again so far',
  'uploaded so far',
];

function cells(row: Row): Array<string | number> {
  return [
    row.compactions,
    bytes(row.snapshotBytes),
    bytes(row.storedBytes),
    bytes(row.storedRawBytes),
    ratio(row.storedRawBytes, row.snapshotBytes),
    row.packs,
    row.frames,
    row.extents,
    bytes(row.manifestBytes),
    bytes(row.changedBytes),
    bytes(row.rewrittenBytes),
    bytes(row.uploadedBytes),
  ];
}

/** Where each result stands in what is kept. */
function fragmentationHeading({ run }: Pick<FragmentationDocument, 'run'>): string {
  const { date, commit, historyCommits, command, machine, node, engine, network, historySeconds, seconds } = run;
  return [
    `# \`${command}\``,
    '',
    `Commit ${commit}, ${date}, on ${machine}; Node.js ${node}, ${engine}. The small compactions ran on ` +
      `${historyCommits.join(', ')} and took ${Math.round(historySeconds)} s in all, without a network model; the ` +
      `hydrates are behind the network model \`${network}\`. This run took ${Math.round(seconds)} s. ` +
      'What is measured, and how: [README.md](README.md).',
  ].join('\n');
}

/** Writes `fragmentation.json`, `fragmentation.md` and `fragmentation.svg`. */
export async function saveFragmentation(folder: string, document: FragmentationDocument): Promise<void> {
  await mkdir(folder, { recursive: true });
  const write = (suffix: string, text: string) => writeFile(join(folder, `fragmentation.${suffix}`), text);
  await write('json', `${JSON.stringify(document, null, 2)}\n`);
  await write('md', `${fragmentationHeading(document)}\n\n${fragmentationTables(document)}\n`);
  await write('svg', await fragmentationPlot(document));
}
