/** The state machine as a graph, with the path of one execution drawn on it. */
import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { PlacedEdge, PlacedGraph, PlacedNode } from '../graph/layout.ts';
import { outline, roundedPath } from '../graph/paths.ts';
import type { Trace } from '../trace.ts';
import { describeNode, type NodeView, nodeView, timesTaken } from './graph-state.ts';
import { originOf } from './story.ts';
import { html } from './ui.ts';

export interface GraphViewProps {
  graph: PlacedGraph;
  trace: Trace;
  status: string;
  error: string | null;
  selected: string | null;
  onSelect: (state: string) => void;
}

/** Below this scale it is unreadable, so it scrolls at first instead. */
const SMALLEST_READABLE = 0.62;
const ZOOMS = [0.4, 0.5, 0.6, 0.75, 0.9, 1, 1.25, 1.5];

export function GraphView(props: GraphViewProps): VNode {
  const { graph, trace, status, error, selected, onSelect } = props;
  const frame = useRef<HTMLDivElement>(null);
  // `null`: as wide as the frame, but readable. `fit`: all of it in the frame, however small.
  const [zoom, setZoom] = useState<number | 'fit' | null>(null);
  const [room, setRoom] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setRoom({ width: element.clientWidth, height: mostHeight(element) }));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const across = (room.width - 4) / graph.width;
  const whole = Math.max(0.05, Math.min(1, across, (room.height - 4) / graph.height));
  const readable = Math.min(1, Math.max(SMALLEST_READABLE, across));
  const scale = zoom === 'fit' ? whole : (zoom ?? readable);
  const isReady = room.width > 0;
  useEffect(() => {
    // For an execution that did not succeed, show where it stopped.
    const place =
      status === 'SUCCEEDED' ? trace.visits[0] : (originOf({ status, error, trace }) ?? trace.visits.at(-1));
    const shown = graph.nodes.find(({ id }) => id === (selected ?? place?.state));
    if (isReady) reveal(frame.current, shown, scale);
  }, [isReady, selected]);
  const step = (by: 1 | -1) => {
    const next = by > 0 ? ZOOMS.find((value) => value > scale + 0.01) : ZOOMS.findLast((value) => value < scale - 0.01);
    if (next !== undefined) setZoom(next);
  };
  const edges = graph.edges.map((edge) => ({ edge, taken: timesTaken(edge, trace) }));
  const drawn = edges.filter(({ edge, taken }) => !edge.isCommon || taken > 0).sort((a, b) => a.taken - b.taken);
  return html`<div class="graph">
    <div class="graph-tools" role="group" aria-label="Size of the graph">
      <button type="button" onClick=${() => step(-1)} aria-label="Smaller" title="Smaller">−</button>
      <button type="button" onClick=${() => setZoom(zoom === 'fit' ? null : 'fit')} aria-pressed=${zoom === 'fit'} title="All of it in the frame">Fit</button>
      <button type="button" onClick=${() => step(1)} aria-label="Larger" title="Larger">+</button>
    </div>
    <div class="graph-frame" ref=${frame} tabindex="0" role="group" aria-label="State graph, to scroll">
      <svg
        class="graph-svg"
        width=${Math.round(graph.width * scale)}
        height=${Math.round(graph.height * scale)}
        viewBox=${`0 0 ${graph.width} ${graph.height}`}
      >
        <${Tips} />
        ${drawn.map(({ edge, taken }) => html`<${Edge} key=${`${edge.from} ${edge.to} ${edge.kind}`} edge=${edge} taken=${taken} />`)}
        ${graph.nodes.map(
          (node) =>
            html`<${Node} key=${node.id} node=${node} view=${nodeView(node.id, trace, status)} isSelected=${node.id === selected} onSelect=${onSelect} />`,
        )}
        ${drawn.map(({ edge, taken }) => html`<${EdgeLabel} key=${`${edge.from} ${edge.to} ${edge.kind}`} edge=${edge} taken=${taken} />`)}
      </svg>
    </div>
    <${Legend} />
  </div>`;
}

function Tips(): VNode {
  const kinds = ['plain', 'taken', 'catch', 'catch-taken'];
  return html`<defs>
    ${kinds.map(
      (
        kind,
      ) => html`<marker key=${kind} id=${`tip-${kind}`} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto">
        <path class=${`tip tip-${kind}`} d="M0,0 L8,4 L0,8 Z" />
      </marker>`,
    )}
  </defs>`;
}

function Edge({ edge, taken }: { edge: PlacedEdge; taken: number }): VNode {
  const isCatch = edge.kind === 'catch';
  const tip = `${isCatch ? 'catch' : ''}${isCatch && taken ? '-' : ''}${taken > 0 ? 'taken' : isCatch ? '' : 'plain'}`;
  return html`<path
    class=${`edge ${isCatch ? 'edge-catch' : ''} ${taken > 0 ? 'edge-taken' : ''}`}
    d=${roundedPath(edge.points)}
    marker-end=${`url(#tip-${tip})`}
  />`;
}

function EdgeLabel({ edge, taken }: { edge: PlacedEdge; taken: number }): VNode | null {
  const at = edge.labelAt ?? middle(edge);
  const times = taken > 1 ? ` ×${taken}` : '';
  const text = edge.isCommon ? `caught${times}` : `${edge.label}${times}`.trim();
  if (text === '' || at === undefined) return null;
  const kind = `${edge.kind === 'catch' ? 'edge-label-catch' : ''} ${taken > 0 ? 'edge-label-taken' : ''}`;
  return html`<text class=${`edge-label ${kind}`} x=${at.x} y=${at.y} text-anchor=${edge.isCommon ? 'end' : 'middle'}>${text}</text>`;
}

function middle({ points, isCommon }: PlacedEdge) {
  const [a, b] = isCommon ? [points[1], points[2]] : [points[0], points[1]];
  return a && b && { x: (a.x + b.x) / 2 - (isCommon ? 6 : 0), y: (a.y + b.y) / 2 };
}

const SIGNS = { untouched: '', passed: '✓', running: '◔', caught: '!', failed: '✕', stopped: '■' } as const;

function Node(props: { node: PlacedNode; view: NodeView; isSelected: boolean; onSelect: (id: string) => void }): VNode {
  const { node, view, isSelected, onSelect } = props;
  const description = describeNode(node.id, node.type, view);
  const keyed = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    onSelect(node.id);
  };
  const badges = [
    ...(view.retries > 0 ? [['retry', `↻ ${view.retries}`] as const] : []),
    ...(view.visits.length > 1 ? [['visits', `× ${view.visits.length}`] as const] : []),
  ];
  return html`<g
    class=${`node node-${view.state} ${node.isOnLock ? 'node-lock' : ''} ${isSelected ? 'is-selected' : ''}`}
    tabindex="0"
    role="button"
    aria-pressed=${isSelected}
    aria-label=${description}
    data-state=${node.id}
    onClick=${() => onSelect(node.id)}
    onKeyDown=${keyed}
  >
    <title>${`${description}. ${node.comment}`}</title>
    <path class="node-focus" d=${outline({ ...node, width: node.width + 10, height: node.height + 10 })} />
    <path class="node-shape" d=${outline(node)} />
    <text class="node-name" x=${node.x} y=${node.y}>${node.id}</text>
    ${
      SIGNS[view.state] === ''
        ? null
        : html`<g class="node-sign" aria-hidden="true">
            <circle cx=${node.x - node.width / 2} cy=${node.y - node.height / 2 + 2} r="8.5" />
            <text x=${node.x - node.width / 2} y=${node.y - node.height / 2 + 2}>${SIGNS[view.state]}</text>
          </g>`
    }
    ${badges.map(
      ([kind, text], index) => html`<g key=${kind} class=${`badge badge-${kind}`} aria-hidden="true">
        <rect x=${node.x + node.width / 2 - 18 - index * 40} y=${node.y - node.height / 2 - 8} width="36" height="17" rx="8.5" />
        <text x=${node.x + node.width / 2 - index * 40} y=${node.y - node.height / 2 + 0.5}>${text}</text>
      </g>`,
    )}
  </g>`;
}

function Legend(): VNode {
  const entries = [
    ['passed', 'passed'],
    ['running', 'running'],
    ['caught', 'error caught'],
    ['failed', 'failed'],
    ['lock', 'on the lock'],
  ] as const;
  return html`<ul class="legend" aria-label="Legend">
    ${entries.map(([kind, text]) => html`<li key=${kind}><span class=${`swatch swatch-${kind}`} aria-hidden="true"></span>${text}</li>`)}
    <li><span class="badge-key" aria-hidden="true">↻ 2</span>retries</li>
    <li><span class="badge-key" aria-hidden="true">× 2</span>entered</li>
  </ul>`;
}

/** The height that the frame would have at most; without a limit, the window's. */
function mostHeight(frame: HTMLElement): number {
  const limit = Number.parseFloat(getComputedStyle(frame).maxHeight);
  return Number.isFinite(limit) ? limit : innerHeight;
}

/** Scroll the state into view within the frame, not the page. */
function reveal(frame: HTMLElement | null, node: PlacedNode | undefined, scale: number): void {
  if (frame === null || node === undefined) return;
  const [x, y] = [node.x * scale, node.y * scale];
  if (x < frame.scrollLeft + 60 || x > frame.scrollLeft + frame.clientWidth - 60)
    frame.scrollLeft = x - frame.clientWidth / 2;
  if (y < frame.scrollTop + 40 || y > frame.scrollTop + frame.clientHeight - 40)
    frame.scrollTop = y - frame.clientHeight / 2;
}
