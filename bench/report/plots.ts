/** Plots of lock time and bytes: ours beside the predecessor's, by scenario and size. */
import type { BenchDocument, Side } from '../document.ts';
import { BLUE, ORANGE, svgOf, TEXT } from './vega.ts';

const COLOURS = { ours: BLUE, predecessor: ORANGE } as const;

interface Bar {
  scenario: string;
  size: string;
  protocol: keyof typeof COLOURS;
  value: number;
  label: string;
}

export async function plots(document: Pick<BenchDocument, 'scenarios'>): Promise<Map<string, string>> {
  const lock = bars(document, (side) => side.lockHeldMsP50, milliseconds);
  const moved = bars(document, (side) => side.storeBytesUp + side.storeBytesDown + side.cacheBytes, megabytes);
  return new Map([
    ['lock-held.svg', await plot('Lock held per compaction, both phases, p50', lock)],
    ['bytes-moved.svg', await plot('Bytes to and from S3 and EFS per compaction', moved)],
  ]);
}

function bars(
  { scenarios }: Pick<BenchDocument, 'scenarios'>,
  measure: (side: Side) => number,
  labelOf: (value: number) => string,
): Bar[] {
  return scenarios.flatMap(({ name, ours, baseline }) => {
    const [, scenario = '', size = ''] = /^(.+)-(\d+mb)$/.exec(name) ?? [];
    // The same runs as `upserts-100`; and where neither has anything, there is nothing to see.
    if (scenario === 'container-warm' || measure(ours) + measure(baseline) === 0) return [];
    const bar = (protocol: Bar['protocol'], side: Side): Bar => {
      const value = measure(side);
      return { scenario, size: size.replace('mb', ' MB'), protocol, value, label: labelOf(value) };
    };
    return [bar('ours', ours), bar('predecessor', baseline)];
  });
}

function milliseconds(value: number): string {
  return value >= 1_000 ? `${(value / 1_000).toFixed(1)} s` : `${Math.round(value)} ms`;
}

function megabytes(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)} GB`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} MB`;
  return value >= 1e3 ? `${(value / 1e3).toFixed(0)} kB` : `${value} B`;
}

/** Sizes side by side, each on a scale of its own that begins at zero, so that lengths are in proportion. */
async function plot(title: string, bars: Bar[]): Promise<string> {
  const sizes = [...new Set(bars.map(({ size }) => size))];
  return svgOf({
    title: { text: title, anchor: 'start', fontSize: 14, offset: 12 },
    hconcat: sizes.map((size, at) => panel(size, bars, at === 0)),
  });
}

function panel(size: string, all: readonly Bar[], isFirst: boolean) {
  const scenarios = [...new Set(all.map(({ scenario }) => scenario))];
  const values = all.filter((bar) => bar.size === size);
  const y = {
    field: 'scenario',
    type: 'nominal',
    sort: scenarios,
    scale: { domain: scenarios },
    title: null,
    axis: isFirst ? {} : { labels: false, ticks: false },
  };
  const yOffset = { field: 'protocol', sort: Object.keys(COLOURS) };
  // Room for the label of the longest bar.
  const scale = { domain: [0, 1.3 * Math.max(...values.map(({ value }) => value))], nice: false };
  const x = { field: 'value', type: 'quantitative', scale, title: null, axis: null };
  const color = {
    field: 'protocol',
    type: 'nominal',
    scale: { domain: Object.keys(COLOURS), range: Object.values(COLOURS) },
    legend: { orient: 'bottom', title: null, labelFontSize: 12 },
  };
  return {
    title: { text: `Snapshot of ${size}`, anchor: 'start', frame: 'group', fontSize: 12, fontWeight: 'normal' },
    width: 300,
    height: { step: 13 },
    data: { values },
    layer: [
      { mark: 'bar', encoding: { y, yOffset, x, color } },
      {
        mark: { type: 'text', align: 'left', dx: 4, fontSize: 10, color: TEXT },
        encoding: { y, yOffset, x, text: { field: 'label' } },
      },
    ],
  };
}
