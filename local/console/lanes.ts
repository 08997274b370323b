/**
 * The lanes of a collection's executions, and which execution made which commit, both derived from histories and lock
 * events, and cached.
 */
import type { LocalStepFunctions } from '../sfn/executions.ts';
import { stateMachineArn } from '../sfn/names.ts';
import type { ExecutionRecord } from '../sfn/store.ts';
import type { ExecutionRow, ExecutionViews } from './executions.ts';
import { type Lane, laneOf } from './lane.ts';
import type { LockEventStore } from './lock-events.ts';
import { traceOf } from './trace.ts';

export interface LaneRow extends ExecutionRow, Lane {}

export interface LanePage {
  /** Oldest first: time runs down as well as to the right. */
  lanes: LaneRow[];
  older: number | null;
}

/** The lane of an ended execution no longer changes. */
const REMEMBERED = 10_000;
const SEARCHED = 2_000;

export class LaneViews {
  readonly #stepFunctions: LocalStepFunctions;
  readonly #executions: ExecutionViews;
  readonly #locks: LockEventStore;
  readonly #machineArn: string;
  readonly #lanes = new Map<string, { lane: LaneRow; lockEvents: number }>();
  readonly #commits = new Map<string, string>();

  constructor(parts: {
    stepFunctions: LocalStepFunctions;
    executions: ExecutionViews;
    locks: LockEventStore;
    machine: string;
  }) {
    this.#stepFunctions = parts.stepFunctions;
    this.#executions = parts.executions;
    this.#locks = parts.locks;
    this.#machineArn = stateMachineArn(parts.machine);
  }

  /** @param query.active only those that used lock or claim, or are running; looks at the last 2,000 */
  page(query: { collection: string; active: boolean; before?: number | undefined; limit: number }): LanePage {
    const { collection, active, before, limit } = query;
    const found = this.#stepFunctions.store.list({
      stateMachineArn: this.#machineArn,
      collection,
      limit: active ? SEARCHED : limit + 1,
      ...(before === undefined ? {} : { before }),
    });
    const lanes: LaneRow[] = [];
    for (const record of found) {
      const lane = this.#lane(record);
      if (active && lane.spans.length === 0 && lane.marks.length === 0 && lane.status !== 'RUNNING') continue;
      if (lanes.length === limit) return { lanes: lanes.toReversed(), older: lanes.at(-1)?.sequence ?? null };
      lanes.push(lane);
    }
    return { lanes: lanes.toReversed(), older: null };
  }

  /** Names of the executions that published commits, by commit id, as far as the last 2,000 executions tell. */
  committers(): ReadonlyMap<string, string> {
    for (const record of this.#stepFunctions.store.list({ stateMachineArn: this.#machineArn, limit: SEARCHED })) {
      this.#lane(record);
    }
    return this.#commits;
  }

  #lane(record: ExecutionRecord): LaneRow {
    const { executionArn: arn, status, stopDate } = record;
    // What an execution held may be released on its behalf after its end.
    const locks = this.#locks.ofExecution(arn);
    const known = this.#lanes.get(arn);
    if (known?.lockEvents === locks.length) return known.lane;
    const events = this.#executions.events(arn);
    const lane = { ...this.#executions.row(record), ...laneOf(traceOf(events), events, locks, stopDate) };
    for (const { commitId } of lane.commits) this.#commits.set(commitId, record.name);
    if (status === 'RUNNING') return lane;
    if (this.#lanes.size >= REMEMBERED) this.#lanes.delete(this.#lanes.keys().next().value as string);
    this.#lanes.set(arn, { lane, lockEvents: locks.length });
    return lane;
  }
}
