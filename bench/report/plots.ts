/** Plots of lock time and bytes as SVG, by Vega-Lite without a browser. Readable on light and dark pages. */
import * as vega from 'vega';
import * as lite from 'vega-lite';
import type { BenchDocument, Side } from '../document.ts';

/** Light and dark text, and two colours that stand out on both grounds. */
const TEXT = '#1f2328';
const TEXT_ON_DARK = '#e6edf3';
const GRID = '#8c959f';
const COLOURS = { ours: '#2f81f7', predecessor: '#d4762c' } as const;

interface Bar {
  scenario: string;
  size: string;
  protocol: keyof typeof COLOURS;
  value: number;
  label: string;
}

export async function plots(document: BenchDocument): Promise<Map<string, string>> {
  const lock = bars(document, (side) => side.lockHeldMsP50, milliseconds);
  const moved = bars(document, (side) => side.storeBytesUp + side.storeBytesDown + side.cacheBytes, megabytes);
  return new Map([
    ['lock-held.svg', await plot('Lock held per compaction, both phases, p50 (milliseconds, logarithmic)', lock)],
    ['bytes-moved.svg', await plot('Bytes to and from S3 and EFS per compaction (logarithmic)', moved)],
  ]);
}

function bars(
  { scenarios }: BenchDocument,
  measure: (side: Side) => number,
  labelOf: (value: number) => string,
): Bar[] {
  return scenarios.flatMap(({ name, ours, baseline }) => {
    const [, scenario = '', size = ''] = /^(.+)-(\d+mb)$/.exec(name) ?? [];
    const bar = (protocol: Bar['protocol'], side: Side) => {
      const value = measure(side);
      return {
        scenario,
        size: size.replace('mb', ' MB'),
        protocol,
        value: Math.max(value, Number.MIN_VALUE),
        label: labelOf(value),
      };
    };
    // A logarithmic axis has no zero.
    return [bar('ours', ours), bar('predecessor', baseline)].filter(({ value }) => value >= 1);
  });
}

function milliseconds(value: number): string {
  return value >= 1_000 ? `${(value / 1_000).toFixed(1)} s` : `${Math.round(value)} ms`;
}

function megabytes(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} GB`;
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)} MB` : `${(value / 1e3).toFixed(0)} kB`;
}

async function plot(title: string, values: Bar[]): Promise<string> {
  const scenarios = [...new Set(values.map(({ scenario }) => scenario))];
  const y = { field: 'scenario', type: 'nominal', sort: scenarios, title: null } as const;
  const yOffset = { field: 'protocol', sort: [...Object.keys(COLOURS)] };
  // Bars on a logarithmic axis begin at the power of ten below the smallest value.
  const from = 10 ** Math.floor(Math.log10(Math.min(...values.map(({ value }) => value))) - 0.01);
  const to = 2.5 * Math.max(...values.map(({ value }) => value));
  const scale = { type: 'log' as const, domain: [from, to] };
  const x = { field: 'value', type: 'quantitative' as const, scale, title: null };
  const spec: lite.TopLevelSpec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: { text: title, anchor: 'start', fontSize: 14 },
    background: 'transparent',
    data: { values },
    facet: {
      column: {
        field: 'size',
        type: 'nominal',
        title: null,
        sort: ['66 MB', '600 MB'],
        header: { labelFontSize: 13, labelFontWeight: 'bold' },
      },
    },
    spec: {
      width: 300,
      height: { step: 13 },
      layer: [
        {
          mark: { type: 'bar' },
          encoding: {
            y,
            yOffset,
            x: { ...x, axis: { labels: false, ticks: false } },
            x2: { datum: from },
            color: {
              field: 'protocol',
              type: 'nominal',
              scale: { domain: Object.keys(COLOURS), range: Object.values(COLOURS) },
              legend: { orient: 'bottom', title: null, labelFontSize: 12 },
            },
          },
        },
        {
          mark: { type: 'text', align: 'left', dx: 4, fontSize: 10, color: TEXT },
          encoding: { y, yOffset, x, text: { field: 'label' } },
        },
      ],
    },
    config: {
      font: 'system-ui, sans-serif',
      view: { stroke: null },
      axis: {
        labelColor: TEXT,
        labelFontSize: 12,
        labelLimit: 240,
        gridColor: GRID,
        gridOpacity: 0.25,
        domainColor: GRID,
        tickColor: GRID,
      },
      header: { labelColor: TEXT },
      legend: { labelColor: TEXT },
      title: { color: TEXT },
    },
  };
  const view = new vega.View(vega.parse(lite.compile(spec).spec), { renderer: 'none' });
  try {
    return onDarkToo(await view.toSVG());
  } finally {
    view.finalize();
  }
}

/** Vega writes colours as attributes, which a style sheet overrides. */
function onDarkToo(svg: string): string {
  const style = `<style>@media (prefers-color-scheme: dark) { text { fill: ${TEXT_ON_DARK} } }</style>`;
  return `${svg.replace(/(<svg[^>]*>)/, `$1${style}`)}\n`;
}
