/** The results as tables, in Markdown that reads well on a terminal too. */
import { bytes } from '../../cli/output.ts';
import type { BenchDocument, Bound, Contender, Side } from '../document.ts';

type Cell = string | number;

export function tables(document: BenchDocument): string {
  const parts = [
    ...scenarioTables(document),
    contentionTable(document),
    boundsTable(document),
    failuresTable(document),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function scenarioTables({ scenarios }: BenchDocument): string[] {
  const sizes = [...new Set(scenarios.map(({ name }) => name.split('-').at(-1) ?? ''))];
  return sizes.map((size) => {
    const rows = scenarios
      .filter(({ name }) => name.endsWith(`-${size}`))
      .flatMap(({ name, ours, baseline, repetitions, changedBlockBytes }) => [
        [
          name.slice(0, -size.length - 1),
          'ours',
          repetitions.ours,
          ...cells(ours),
          bytes(changedBlockBytes),
          bytes(ours.defragmentedBytes ?? 0),
        ],
        ['', 'baseline', repetitions.baseline, ...cells(baseline), '', ''],
      ]);
    const snapshot = scenarios.find(({ name }) => name.endsWith(`-${size}`))?.snapshotBytes ?? 0;
    return `### Snapshot of ${bytes(snapshot)}\n\n${markdown([HEADING, ...rows])}`;
  });
}

const HEADING = [
  'scenario',
  'protocol',
  'runs',
  'lock ms p50',
  'p99',
  'claim ms p50',
  'wall ms',
  'CPU ms',
  'Chroma CPU ms',
  'peak memory',
  'store up',
  'store down',
  'cache',
  'requests',
  'transitions',
  'thrown away',
  '$ / 1,000',
  'changed blocks',
  'defragmented',
];

function cells(side: Side): Cell[] {
  return [
    Math.round(side.lockHeldMsP50),
    Math.round(side.lockHeldMsP99),
    side.claimHeldMsP50 === null ? '-' : Math.round(side.claimHeldMsP50),
    Math.round(side.wallMs),
    Math.round(side.cpuMs),
    Math.round(side.engineCpuMs),
    bytes(side.peakMemoryBytes),
    bytes(side.storeBytesUp),
    bytes(side.storeBytesDown),
    bytes(side.cacheBytes),
    side.requests,
    side.transitions,
    side.mergesDiscarded,
    side.usdPer1000.toFixed(3),
  ];
}

function contentionTable({ contention }: BenchDocument): string {
  if (contention.length === 0) return '';
  const rows = contention.flatMap(({ writers, ours, baseline, baselineRedelivered }) => {
    const line = (name: string, one: Contender): Cell[] => [
      writers,
      name,
      one.deltasPerSecond.toFixed(2),
      one.collisionPct.toFixed(1),
      one.delegatedPct.toFixed(1),
      one.submitted,
      one.lost,
      one.duplicated,
      one.mergesDiscarded,
      Math.round(one.lockHeldMsP50),
      Math.round(one.lockHeldMsP99),
      Math.round(one.seconds),
    ];
    return [
      line('ours', ours),
      line('baseline', baseline),
      ...(baselineRedelivered === undefined
        ? []
        : [line('baseline, skipped batches redelivered', baselineRedelivered)]),
    ];
  });
  const heading = [
    'writers',
    'protocol',
    'deltas/s',
    'collisions %',
    'delegated %',
    'submitted',
    'lost',
    'duplicated',
    'merges thrown away',
    'lock ms p50',
    'p99',
    'seconds',
  ];
  return `### Writers on one collection\n\n${markdown([heading, ...rows])}`;
}

export function boundsTable({ bounds, run }: { bounds: readonly Bound[]; run: { failsOnTiming: boolean } }): string {
  if (bounds.length === 0) return '';
  const rows = bounds.map(({ name, limit, value, holds, timing }) => [
    name,
    limit,
    value ?? 'no value',
    timing ? 'timing' : '',
    holds ? 'holds' : timing && !run.failsOnTiming ? 'missed; shown only' : 'FAILS',
  ]);
  return `### Bounds\n\n${markdown([['bound', 'limit', 'measured', 'kind', ''], ...rows])}`;
}

function failuresTable({ failures }: Pick<BenchDocument, 'failures'>): string {
  if (failures.length === 0) return '';
  const rows = failures.map(({ name, message }) => [name, message.split('\n')[0] ?? '']);
  return `### Failed\n\n${markdown([['scenario', 'why'], ...rows])}`;
}

export function markdown(rows: ReadonlyArray<ReadonlyArray<Cell>>): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(3, ...rows.map((row) => String(row[column] ?? '').length)),
  );
  const line = (row: ReadonlyArray<Cell>) =>
    `| ${widths.map((width, column) => String(row[column] ?? '').padEnd(width)).join(' | ')} |`;
  const [heading = [], ...body] = rows;
  return [line(heading), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...body.map(line)].join('\n');
}
