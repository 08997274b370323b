/** Plots as SVG, by Vega-Lite without a browser. Readable on light and dark pages. */
import * as vega from 'vega';
import * as lite from 'vega-lite';

/** Light and dark text, and colours that stand out on both grounds. */
export const TEXT = '#1f2328';
const TEXT_ON_DARK = '#e6edf3';
const GRID = '#8c959f';
export const BLUE = '#2f81f7';
export const ORANGE = '#d4762c';
export const GREY = '#7d8590';

/** @param spec of Vega-Lite, without schema, background and looks; Vega-Lite's own types are too many to be compared */
export async function svgOf(spec: object): Promise<string> {
  const themed = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'transparent',
    padding: 8,
    ...spec,
    config: LOOKS,
  } as lite.TopLevelSpec;
  const view = new vega.View(vega.parse(lite.compile(themed).spec), { renderer: 'none' });
  try {
    return onDarkToo(await view.toSVG());
  } finally {
    view.finalize();
  }
}

const LOOKS: lite.Config = {
  font: 'system-ui, sans-serif',
  view: { stroke: null },
  axis: {
    labelColor: TEXT,
    labelFontSize: 12,
    labelLimit: 240,
    titleColor: TEXT,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    gridColor: GRID,
    gridOpacity: 0.25,
    domainColor: GRID,
    tickColor: GRID,
  },
  header: { labelColor: TEXT },
  legend: { labelColor: TEXT },
  title: { color: TEXT, subtitleColor: TEXT },
};

/** Vega writes colours as attributes, which a style sheet overrides. */
function onDarkToo(svg: string): string {
  const style = `<style>@media (prefers-color-scheme: dark) { text[fill="${TEXT}"] { fill: ${TEXT_ON_DARK} } }</style>`;
  return `${svg.replace(/(<svg[^>]*>)/, `$1${style}`)}\n`;
}
