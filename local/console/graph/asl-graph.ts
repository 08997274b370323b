/** A state machine as a graph: states and transitions of the ASL file, and nothing else. */

interface AslRule {
  Next?: string;
  Variable?: string;
  [operator: string]: unknown;
}

export interface AslState {
  Type: string;
  Comment?: string;
  Resource?: string;
  Next?: string;
  Default?: string;
  Choices?: AslRule[];
  Catch?: Array<{ ErrorEquals: string[]; Next: string; Comment?: string }>;
}

export interface Asl {
  StartAt: string;
  Comment?: string;
  States: Record<string, AslState>;
}

export interface GraphNode {
  id: string;
  /** The state's type in the ASL: `Task`, `Choice`, `Wait`, `Pass`, `Succeed` or `Fail`. */
  type: string;
  comment: string;
  /** Runs while the lock is held: between an AcquireLock state and the ReleaseLock state after it. */
  isOnLock: boolean;
}

const EDGE_KINDS = ['next', 'choice', 'catch'] as const;
export type EdgeKind = (typeof EDGE_KINDS)[number];

export interface GraphEdge {
  from: string;
  to: string;
  kind: EdgeKind;
  /** Its label: the value of the choice, or what is caught. Empty for `next`. */
  label: string;
  /** Names of the errors caught; empty for the other kinds. */
  errors: string[];
  /**
   * One of many catch-alls with the same target: drawn only if it was taken, since otherwise arrows would fill the
   * picture.
   */
  isCommon: boolean;
}

export interface Graph {
  startAt: string;
  nodes: GraphNode[];
  edges: GraphEdge[];
}

/** From this many catch-alls on, a target counts as common. */
const COMMON_CATCHES = 4;

/** The graph of a parsed ASL definition, states in the file's order; edges of one kind between two states are one. */
export function graphOf(definition: Asl): Graph {
  const states = Object.entries(definition.States);
  const onLock = statesOnLock(definition);
  const catchAlls = new Map<string, number>();
  for (const [, state] of states) {
    for (const { Next } of (state.Catch ?? []).filter(isCatchAll)) catchAlls.set(Next, (catchAlls.get(Next) ?? 0) + 1);
  }
  const isCommon = (target: string) => (catchAlls.get(target) ?? 0) >= COMMON_CATCHES;
  return {
    startAt: definition.StartAt,
    nodes: states.map(([id, { Type, Comment = '' }]) => ({
      id,
      type: Type,
      comment: Comment,
      isOnLock: onLock.has(id),
    })),
    edges: states.flatMap(([from, state]) => merged([...ways(from, state), ...catches(from, state, isCommon)])),
  };
}

function ways(from: string, state: AslState): GraphEdge[] {
  const edge = (to: string, kind: EdgeKind, label: string): GraphEdge => {
    return { from, to, kind, label, errors: [], isCommon: false };
  };
  const choices = (state.Choices ?? []).flatMap((rule) =>
    rule.Next ? [edge(rule.Next, 'choice', ruleText(rule))] : [],
  );
  return [
    ...choices,
    ...(state.Default === undefined ? [] : [edge(state.Default, 'choice', 'otherwise')]),
    ...(state.Next === undefined ? [] : [edge(state.Next, 'next', '')]),
  ];
}

function catches(from: string, state: AslState, isCommon: (target: string) => boolean): GraphEdge[] {
  return (state.Catch ?? []).map((catcher) => ({
    from,
    to: catcher.Next,
    kind: 'catch',
    label: catchText(catcher.ErrorEquals),
    errors: catcher.ErrorEquals,
    isCommon: isCatchAll(catcher) && isCommon(catcher.Next),
  }));
}

function isCatchAll({ ErrorEquals }: { ErrorEquals: string[] }): boolean {
  return ErrorEquals.includes('States.ALL');
}

function catchText(errors: readonly string[]): string {
  if (errors.includes('States.ALL')) return 'any error';
  const [first = '', ...others] = errors.map((error) => error.replace(/Error$/, ''));
  return others.length === 0 ? first : `${first} +${others.length}`;
}

/** `$.next = "merge"` is shown as `merge`; a test of another kind as its operator. */
function ruleText(rule: AslRule): string {
  if (typeof rule.StringEquals === 'string') return rule.StringEquals;
  const name = String(rule.Variable ?? '').replace(/^\$\.?/, '');
  if (rule.IsNull === true) return `none ${name}`;
  const [operator = ''] = Object.keys(rule).filter((key) => !['Next', 'Variable', 'Comment'].includes(key));
  const value = rule[operator];
  return `${name} ${operator}${typeof value === 'object' ? '' : ` ${String(value)}`}`.trim();
}

/** One edge per kind and target, the labels joined. */
function merged(edges: readonly GraphEdge[]): GraphEdge[] {
  const byTarget = new Map<string, GraphEdge>();
  for (const edge of edges) {
    const id = `${edge.kind} ${edge.to}`;
    const earlier = byTarget.get(id);
    if (earlier === undefined) byTarget.set(id, edge);
    else {
      const errors = [...earlier.errors, ...edge.errors];
      const label = edge.kind === 'catch' ? catchText(errors) : `${earlier.label}, ${edge.label}`;
      byTarget.set(id, { ...earlier, errors, label, isCommon: earlier.isCommon && edge.isCommon });
    }
  }
  return [...byTarget.values()];
}

function statesOnLock({ States }: Asl): Set<string> {
  const found = new Set<string>();
  for (const { Resource = '', Next } of Object.values(States)) {
    if (!isFunction(Resource, 'AcquireLock')) continue;
    for (let id = Next; id !== undefined && !found.has(id); id = States[id]?.Next) {
      if (isFunction(States[id]?.Resource ?? '', 'ReleaseLock')) break;
      found.add(id);
    }
  }
  return found;
}

/** As in the file (`${AcquireLockArn}`), or with the ARN substituted. */
function isFunction(resource: string, name: string): boolean {
  return resource === `\${${name}Arn}` || resource.endsWith(`:${name}`);
}
