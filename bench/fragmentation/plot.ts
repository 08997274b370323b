/** The series as a plot: what is stored beside what it must not exceed, and the manifest. */
import { BLUE, GREY, ORANGE, svgOf } from '../report/vega.ts';
import type { FragmentationDocument, Row } from './document.ts';

const MIB = 1024 * 1024;
const WIDTH = 640;

interface Line {
  name: string;
  colour: string;
  dashed: boolean;
  value: (row: Row) => number;
}

const STORED: Line[] = [
  { name: 'at most (2 x)', colour: ORANGE, dashed: true, value: (row) => (2 * row.snapshotBytes) / MIB },
  { name: 'stored, decompressed', colour: BLUE, dashed: false, value: (row) => row.storedRawBytes / MIB },
  { name: 'snapshot', colour: GREY, dashed: false, value: (row) => row.snapshotBytes / MIB },
];
const MANIFEST: Line[] = [
  { name: 'at most', colour: ORANGE, dashed: true, value: () => 1_024 },
  { name: 'manifest', colour: BLUE, dashed: false, value: (row) => row.manifestBytes / 1_024 },
];

export function fragmentationPlot({ series, compactions }: Pick<FragmentationDocument, 'series' | 'compactions'>) {
  return svgOf({
    title: {
      text: `What ${compactions.toLocaleString('en')} small compactions make of one snapshot`,
      anchor: 'start',
      fontSize: 14,
      offset: 12,
    },
    resolve: { scale: { color: 'independent', strokeDash: 'independent' } },
    vconcat: [
      panel('Packs of the live version, MiB', STORED, series, 200),
      panel('Its manifest, KiB', MANIFEST, series, 120),
    ],
  });
}

function panel(title: string, lines: readonly Line[], series: readonly Row[], height: number) {
  const values = lines.flatMap(({ name, value }) =>
    series.map((row) => ({ name, compactions: row.compactions, value: value(row) })),
  );
  const last = series.at(-1)?.compactions ?? 0;
  const domain = lines.map(({ name }) => name);
  const colour = {
    field: 'name',
    type: 'nominal',
    scale: { domain, range: lines.map((line) => line.colour) },
    legend: null,
  };
  const x = {
    field: 'compactions',
    type: 'quantitative',
    title: 'small compactions',
    scale: { domain: [0, last], nice: false },
  };
  const y = { field: 'value', type: 'quantitative', title: null };
  const dash = {
    field: 'name',
    type: 'nominal',
    scale: { domain, range: lines.map(({ dashed }) => (dashed ? [5, 4] : [1, 0])) },
    legend: null,
  };
  return {
    title: { text: title, anchor: 'start', frame: 'group', fontSize: 12, fontWeight: 'normal' },
    width: WIDTH,
    height,
    data: { values },
    layer: [
      { mark: { type: 'line', strokeWidth: 2 }, encoding: { x, y, color: colour, strokeDash: dash } },
      {
        transform: [{ filter: `datum.compactions == ${last}` }],
        mark: { type: 'text', align: 'left', dx: 6, fontSize: 12 },
        encoding: { x, y, text: { field: 'name' }, color: colour },
      },
    ],
  };
}
