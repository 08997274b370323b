/** What an execution did at each state and edge, for the graph view to draw. */
import type { PlacedEdge } from '../graph/layout.ts';
import type { Trace, Visit } from '../trace.ts';

export type NodeState = 'untouched' | 'passed' | 'running' | 'caught' | 'failed' | 'stopped';

export interface NodeView {
  state: NodeState;
  visits: Visit[];
  /** Retries: invocations beyond the first of each visit. */
  retries: number;
}

export function nodeView(id: string, trace: Trace, status: string): NodeView {
  const visits = trace.visits.filter((visit) => visit.state === id);
  const retries = visits.reduce((sum, { attempts }) => sum + Math.max(0, attempts.length - 1), 0);
  return { visits, retries, state: stateOf(visits, status) };
}

function stateOf(visits: readonly Visit[], status: string): NodeState {
  const last = visits.at(-1);
  if (last === undefined) return 'untouched';
  if (last.isLast && status === 'RUNNING') return 'running';
  if (last.isLast && (status === 'ABORTED' || status === 'TIMED_OUT')) return 'stopped';
  if (last.isLast && status === 'FAILED') return 'failed';
  return visits.some(({ caught }) => caught !== null) ? 'caught' : 'passed';
}

/** How often an edge was taken. If next and catch lead to the same state, they are counted separately. */
export function timesTaken(edge: PlacedEdge, trace: Trace): number {
  const isCatch = edge.kind === 'catch';
  return trace.passages
    .filter((passage) => passage.from === edge.from && passage.to === edge.to && passage.isCatch === isCatch)
    .reduce((sum, { count }) => sum + count, 0);
}

const STATE_WORDS: Readonly<Record<NodeState, string>> = {
  untouched: 'not entered',
  passed: 'passed',
  running: 'running now',
  caught: 'an error was caught here',
  failed: 'the execution failed here',
  stopped: 'the execution was stopped here',
};

/** For screen readers, and as a tooltip. */
export function describeNode(id: string, type: string, view: NodeView): string {
  const words = [`${id}, ${type} state: ${STATE_WORDS[view.state]}`];
  if (view.visits.length > 1) words.push(`entered ${view.visits.length} times`);
  if (view.retries > 0) words.push(`${view.retries} ${view.retries === 1 ? 'retry' : 'retries'}`);
  const errors = [...new Set(view.visits.flatMap(({ caught }) => caught?.error ?? []))];
  if (errors.length > 0) words.push(`caught ${errors.join(', ')}`);
  return words.join(', ');
}
