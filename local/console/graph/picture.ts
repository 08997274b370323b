/** A state machine as one self-contained SVG, light or dark as the reader's system is set. */
import type { PlacedEdge, PlacedGraph, PlacedNode } from './layout.ts';
import { outline, roundedPath } from './paths.ts';

const STYLE = `
  .ground { fill: #ffffff; stroke: #d5dae2 }
  text { font: 500 13px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; fill: #1b2430; text-anchor: middle; dominant-baseline: central }
  .label { font-size: 11px; font-weight: 400; fill: #4a5666; paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
  .legend { text-anchor: start; font-weight: 400; font-size: 12px; fill: #4a5666 }
  .node { fill: #f3f6fa; stroke: #8491a3; stroke-width: 1.2 }
  .lock { fill: #ffedc2; stroke: #a86d00; stroke-width: 1.6 }
  .Succeed { fill: #dcf5e4; stroke: #1a7f45 }
  .Fail { fill: #fde3e1; stroke: #b3261e }
  .edge { fill: none; stroke: #66738a; stroke-width: 1.4; marker-end: url(#tip) }
  .catch { stroke: #b3261e; stroke-dasharray: 5 4; marker-end: url(#catch-tip) }
  .tip { fill: #66738a } .catch-tip { fill: #b3261e }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #12171f; stroke: #303947 }
    text { fill: #e7ecf3 }
    .label { fill: #aab6c6; stroke: #12171f }
    .legend { fill: #aab6c6 }
    .node { fill: #1d2530; stroke: #75839a }
    .lock { fill: #47350c; stroke: #e0a93b }
    .Succeed { fill: #11361f; stroke: #4cc27c }
    .Fail { fill: #451a17; stroke: #f28b82 }
    .edge { stroke: #8b99ae } .catch { stroke: #f28b82 }
    .tip { fill: #8b99ae } .catch-tip { fill: #f28b82 }
  }
`;
const LEGEND_HEIGHT = 62;

/** @param title what a screen reader says */
export function pictureOf(graph: PlacedGraph, title: string): string {
  const common = graph.edges.filter((edge) => edge.isCommon);
  const [target] = common.map(({ to }) => to);
  const height = graph.height + LEGEND_HEIGHT;
  const y = graph.height + 8;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${graph.width} ${height}" width="${graph.width}" height="${height}" role="img" aria-label="${escaped(title)}">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    '<defs>',
    '  <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path class="tip" d="M0,0 L8,4 L0,8 Z"/></marker>',
    '  <marker id="catch-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path class="catch-tip" d="M0,0 L8,4 L0,8 Z"/></marker>',
    '</defs>',
    `<rect class="ground" x="0.5" y="0.5" width="${graph.width - 1}" height="${height - 1}" rx="10"/>`,
    ...graph.edges.filter((edge) => !edge.isCommon).map(drawEdge),
    ...graph.nodes.map(drawNode),
    ...graph.edges.filter((edge) => !edge.isCommon).flatMap(drawLabel),
    `<rect class="lock" x="18" y="${y}" width="22" height="14" rx="4"/><text class="legend" x="48" y="${y + 7}">on the lock</text>`,
    `<path class="edge catch" d="M136,${y + 7} H176"/><text class="legend" x="184" y="${y + 7}">an error is caught</text>`,
    ...(target === undefined
      ? []
      : [
          `<text class="legend" x="18" y="${y + 34}">Not drawn: ${common.length} Tasks send any other error to ${escaped(target)}.</text>`,
        ]),
    '</svg>',
  ].join('\n')}\n`;
}

function drawEdge({ kind, points }: PlacedEdge): string {
  return `<path class="edge ${kind}" d="${roundedPath(points)}"/>`;
}

function drawLabel({ label, labelAt }: PlacedEdge): string[] {
  return labelAt === null ? [] : [`<text class="label" x="${labelAt.x}" y="${labelAt.y}">${escaped(label)}</text>`];
}

function drawNode(node: PlacedNode): string {
  const kind = node.isOnLock ? 'lock' : node.type;
  return (
    `<g><title>${escaped(node.comment)}</title><path class="node ${kind}" d="${outline(node)}"/>` +
    `<text x="${node.x}" y="${node.y}">${escaped(node.id)}</text></g>`
  );
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
