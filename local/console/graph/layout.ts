/** Lays out the states and edges of a graph, for the console and for the picture in the documentation. */
import dagre from '@dagrejs/dagre';
import type { Graph, GraphEdge, GraphNode } from './asl-graph.ts';
import type { Point } from './paths.ts';

export interface PlacedNode extends GraphNode {
  /** Centre, in pixels from the top left corner. */
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface PlacedEdge extends GraphEdge {
  points: Point[];
  /** Centre of the label, if there is one. */
  labelAt: Point | null;
}

export interface PlacedGraph {
  width: number;
  height: number;
  startAt: string;
  nodes: PlacedNode[];
  edges: PlacedEdge[];
}

const NODE_HEIGHT = 36;
const CHARACTER = 7.3;
const LABEL_CHARACTER = 6.1;
/** Labels of catches may overlap the lines beside them, which makes the graph much narrower. */
const CATCH_LABEL_SHARE = 0.5;
const MARGIN = 16;
const RANK_GAP = 26;
/** Distance between the graph and the lane in which catch-alls run down. */
const LANE = 22;

/** Lay a graph out from top to bottom. Equal graphs give equal layouts. */
export function layoutGraph(graph: Graph): PlacedGraph {
  const placed = new dagre.graphlib.Graph({ multigraph: true });
  placed.setGraph({ rankdir: 'TB', nodesep: 14, edgesep: 10, ranksep: RANK_GAP, marginx: MARGIN, marginy: MARGIN });
  placed.setDefaultEdgeLabel(() => ({}));
  for (const { id, type } of graph.nodes) {
    const width = Math.round(Math.max(104, id.length * CHARACTER + (type === 'Choice' ? 44 : 30)));
    placed.setNode(id, { width, height: NODE_HEIGHT });
  }
  const drawn = graph.edges.filter((edge) => !edge.isCommon || edge === anchor(graph, edge.to));
  for (const edge of drawn) {
    const share = edge.kind === 'catch' ? CATCH_LABEL_SHARE : 1;
    const width = Math.round((edge.label.length * LABEL_CHARACTER + 10) * share);
    const label = edge.label === '' ? {} : { width, height: 15, labelpos: 'c' };
    placed.setEdge(edge.from, edge.to, { weight: weightOf(edge), minlen: 1, ...label }, edge.kind);
  }
  dagre.layout(placed);
  const nodes = graph.nodes.map((node) => {
    const { x = 0, y = 0, width = 0, height = 0 } = placed.node(node.id) as Partial<PlacedNode>;
    return { ...node, x: round(x), y: round(y), width, height };
  });
  const { width = 0, height = 0 } = placed.graph() as { width?: number; height?: number };
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const edges = graph.edges.map((edge): PlacedEdge => {
    if (edge.isCommon) return { ...edge, points: aroundTheRight(byId, edge, width + LANE / 2), labelAt: null };
    const { points = [], x, y } = placed.edge(edge.from, edge.to, edge.kind) as Partial<Point> & { points?: Point[] };
    const labelAt = edge.label === '' || x === undefined || y === undefined ? null : { x: round(x), y: round(y) };
    return { ...edge, points: points.map((point) => ({ x: round(point.x), y: round(point.y) })), labelAt };
  });
  return { width: Math.round(width + LANE), height: Math.round(height), startAt: graph.startAt, nodes, edges };
}

/** The edges that executions take most often are drawn straight. */
function weightOf({ kind, label }: GraphEdge): number {
  if (kind === 'next') return 8;
  return kind === 'choice' && label === 'otherwise' ? 8 : 1;
}

/** The last catch-all that leads to a common target keeps the target below everything else. */
function anchor(graph: Graph, target: string): GraphEdge | undefined {
  return graph.edges.findLast((edge) => edge.isCommon && edge.to === target && edge.from !== target);
}

/** Points of an edge that goes out to the lane, down it, and through the gap above the target's row into its top. */
function aroundTheRight(nodes: ReadonlyMap<string, PlacedNode>, { from, to }: GraphEdge, lane: number): Point[] {
  const [a, b] = [nodes.get(from), nodes.get(to)];
  if (a === undefined || b === undefined) return [];
  const top = b.y - b.height / 2;
  const end = round(b.x + b.width / 4);
  const gap = round(top - RANK_GAP / 2);
  const start = { x: round(a.x + a.width / 2), y: a.y };
  return [start, { x: round(lane), y: a.y }, { x: round(lane), y: gap }, { x: end, y: gap }, { x: end, y: round(top) }];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
