/** Executions as the console lists and shows them, read from the records and histories of the local Step Functions. */
import { ApiError } from '../sfn/errors.ts';
import type { LocalStepFunctions } from '../sfn/executions.ts';
import type { RecordedEvent } from '../sfn/history.ts';
import { executionArn } from '../sfn/names.ts';
import type { ExecutionRecord } from '../sfn/store.ts';
import { type Asl, graphOf } from './graph/asl-graph.ts';
import { layoutGraph, type PlacedGraph } from './graph/layout.ts';
import { detailsOf, type Trace, traceOf } from './trace.ts';

export interface ExecutionRow {
  sequence: number;
  machine: string;
  name: string;
  status: string;
  collection: string | null;
  /** Milliseconds since the epoch. */
  startedAt: number;
  stoppedAt: number | null;
  /** The state that it is in, or in which it ended. */
  state: string | null;
  /** The last version that it committed, and its deltas over all commits. */
  version: number | null;
  deltas: number | null;
  error: string | null;
}

export interface ExecutionList {
  rows: ExecutionRow[];
  /** Number of executions by status, over all pages. */
  counts: Record<string, number>;
  /** Pass as `before` for the page of older ones; `null` on the last page. */
  older: number | null;
  collections: string[];
  machines: string[];
}

export interface ExecutionDetail extends ExecutionRow {
  arn: string;
  stateMachineArn: string;
  input: string;
  output: string | null;
  cause: string | null;
  trace: Trace;
}

/** How the latest execution of a collection ended, if not well. */
export interface LastError {
  execution: string;
  status: string;
  error: string | null;
  /** Milliseconds since the epoch. */
  at: number;
}

/** Input and output of one visit. */
export interface VisitData {
  input: string | null;
  output: string | null;
  /** Effective input of each attempt and what it returned, in order. */
  attempts: Array<{ input: string | null; output: string | null; error: string | null; cause: string | null }>;
}

export interface ListQuery {
  machine: string;
  collection?: string | undefined;
  status?: string | undefined;
  before?: number | undefined;
  limit: number;
}

const EVENT_LIMIT = 25_000;
const COLLECTION_LIMIT = 1_000;
/** Looked through, from the newest on, for how the latest execution of each collection ended. */
const ENDED_LIMIT = 500;

export class ExecutionViews {
  readonly #stepFunctions: LocalStepFunctions;
  readonly #graphs = new WeakMap<object, PlacedGraph>();

  constructor(stepFunctions: LocalStepFunctions) {
    this.#stepFunctions = stepFunctions;
  }

  /** @throws ApiError `StateMachineDoesNotExist` */
  list({ machine, collection, status, before, limit }: ListQuery): ExecutionList {
    const { store } = this.#stepFunctions;
    const filter = {
      stateMachineArn: this.#machine(machine).stateMachineArn,
      ...(collection === undefined ? {} : { collection }),
    };
    const found = store.list({
      ...filter,
      limit: limit + 1,
      ...(status === undefined ? {} : { status }),
      ...(before === undefined ? {} : { before }),
    });
    const page = found.slice(0, limit);
    return {
      rows: page.map((record) => this.row(record)),
      counts: store.counts(filter) as Record<string, number>,
      older: found.length > limit ? (page.at(-1)?.sequence ?? null) : null,
      collections: store.collections(COLLECTION_LIMIT),
      machines: this.#stepFunctions.machines().map(({ name }) => name),
    };
  }

  /** @throws ApiError `ExecutionDoesNotExist`, `InvalidArn` */
  detail(machine: string, name: string): ExecutionDetail {
    const record = this.record(machine, name);
    const { executionArn: arn, stateMachineArn, input, output, cause } = record;
    return { ...this.row(record), arn, stateMachineArn, input, output, cause, trace: traceOf(this.events(arn)) };
  }

  /** By collection: of its executions that have ended, the one started last, unless it succeeded. */
  lastErrors(machine: string): ReadonlyMap<string, LastError> {
    const { store } = this.#stepFunctions;
    const { stateMachineArn } = this.#machine(machine);
    const latest = new Map<string, LastError>();
    for (const { input, name, status, error, stopDate } of store.list({ stateMachineArn, limit: ENDED_LIMIT })) {
      const collection = collectionOf(input);
      if (collection === null || stopDate === null || latest.has(collection)) continue;
      latest.set(collection, { execution: name, status, error, at: stopDate });
    }
    return new Map([...latest].filter(([, { status }]) => status !== 'SUCCEEDED'));
  }

  /** A page of the history, starting after event `after`. */
  eventPage(machine: string, name: string, page: { after: number; limit: number }): { events: RecordedEvent[] } {
    const { executionArn: arn } = this.record(machine, name);
    const { after, limit } = page;
    return { events: this.#stepFunctions.store.events({ executionArn: arn, reverse: false, after, limit }) };
  }

  /** @throws ApiError `VisitDoesNotExist` */
  visit(machine: string, name: string, index: number): VisitData {
    const events = this.events(this.record(machine, name).executionArn);
    const visit = traceOf(events).visits[index];
    if (visit === undefined) throw new ApiError('VisitDoesNotExist', `"${name}" has no visit ${index}.`);
    const last = visit.exitedEvent ?? events.length;
    const own = events.slice(visit.enteredEvent - 1, last);
    const attempts: VisitData['attempts'] = [];
    for (const event of own) {
      const { input, parameters, output, error, cause } = detailsOf(event);
      if (event.type.endsWith('Scheduled')) {
        attempts.push({ input: text(input) ?? text(parameters), output: null, error: null, cause: null });
      } else if (/^(LambdaFunction|Task)(Succeeded|Failed|TimedOut)$/.test(event.type)) {
        Object.assign(attempts.at(-1) ?? {}, { output: text(output), error: text(error), cause: text(cause) });
      }
    }
    const exit = visit.exitedEvent === null ? undefined : events[visit.exitedEvent - 1];
    return {
      input: text(detailsOf(events[visit.enteredEvent - 1] as RecordedEvent).input),
      output: exit === undefined ? null : text(detailsOf(exit).output),
      attempts,
    };
  }

  /** The machine's graph with its comment. @throws ApiError `StateMachineDoesNotExist` */
  graph(machine: string): PlacedGraph {
    const { definition } = this.#machine(machine);
    const drawn = this.#graphs.get(definition) ?? layoutGraph(graphOf(definition as unknown as Asl));
    this.#graphs.set(definition, drawn);
    return drawn;
  }

  record(machine: string, name: string): ExecutionRecord {
    return this.#stepFunctions.describe(executionArn(this.#machine(machine).name, name));
  }

  events(arn: string): RecordedEvent[] {
    return this.#stepFunctions.store.events({ executionArn: arn, reverse: false, limit: EVENT_LIMIT });
  }

  row(record: ExecutionRecord): ExecutionRow {
    const committed = parsed(record.output) as {
      committed?: { version?: number } | null;
      totals?: { deltas?: number };
    };
    const state = this.#stepFunctions.store
      .events({ executionArn: record.executionArn, reverse: true, limit: LAST_EVENTS })
      .find((event) => event.type.endsWith('StateEntered'));
    return {
      sequence: record.sequence,
      machine: record.stateMachineArn.split(':').at(-1) ?? '',
      name: record.name,
      status: record.status,
      collection: collectionOf(record.input),
      startedAt: record.startDate,
      stoppedAt: record.stopDate,
      state: state === undefined ? null : (detailsOf(state).name ?? null),
      version: committed.committed?.version ?? null,
      deltas: committed.totals?.deltas ?? null,
      error: record.error,
    };
  }

  #machine(name: string) {
    const found = this.#stepFunctions.machines().find((machine) => machine.name === name);
    if (found !== undefined) return found;
    throw new ApiError('StateMachineDoesNotExist', `There is no state machine "${name}" here.`);
  }
}

/** Usually enough to reach back over a Task's attempts; if not, the state is not shown. */
const LAST_EVENTS = 200;

/** The collection in the input of a compaction, or of release-abandoned, which has the other's input as text. */
function collectionOf(input: string): string | null {
  const { collection, input: inner } = parsed(input) as { collection?: unknown; input?: unknown };
  if (typeof collection === 'string') return collection;
  return typeof inner === 'string' ? collectionOf(inner) : null;
}

function parsed(json: string | null): Record<string, unknown> {
  try {
    return Object(JSON.parse(json ?? '{}')) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
