/** One fault and what it must come to: the way the execution ends, the edges it takes, and nothing lost afterwards. */
import { expect } from 'vitest';
import { COMPACTION } from '../../local/machines.ts';
import type { Json } from '../../local/sfn/definition.ts';
import type { Fault } from '../support/faulty.ts';
import type { MemoryPorts, MemoryPortsOptions } from '../support/memory-ports.ts';
import { type Run, type RunOptions, run } from '../support/run-machine.ts';
import { edgesTaken } from './edges.ts';
import { EXPIRY_MS, expectNothingHeld, expectSettled, INPUT, waitingPorts } from './support.ts';

export interface Scenario {
  name: string;
  options?: MemoryPortsOptions;
  /** With deltas 2 to 4 waiting on version 1, before the run. */
  prepare?: (ports: MemoryPorts) => unknown;
  faults?: (ports: MemoryPorts) => Fault[];
  wrap?: RunOptions['wrap'];
  input?: Json;
  /** Last state but `Failed`; for that, the error's name. A list: any of these. */
  ends: string | readonly string[];
  /** Edges for which the scenario is there; it may take others, too. */
  takes: string[];
  /** What an operator does before the next execution can work. */
  repair?: (ports: MemoryPorts) => unknown;
  /** Numbers of deltas that end as rejected. */
  rejected?: number[];
  /** More deltas than 1 to 4. */
  more?: number[];
  /** Lock or claim stay behind, to expire. */
  leavesHeld?: boolean;
  /** A last look, before the next execution. */
  assess?: (ports: MemoryPorts, ended: Run) => unknown;
}

/** Play it on a collection of its own; gives the edges taken by the faulty run. */
export async function play(scenario: Scenario): Promise<string[]> {
  const { options, prepare, faults, wrap = {}, input = INPUT, ends, takes, rejected = [], more = [] } = scenario;
  // Prepare
  const ports = await waitingPorts(options);
  await prepare?.(ports);

  // Act
  const ended = await run(ports, input, { faults: faults?.(ports) ?? [], wrap });

  // Assess
  const last = ended.path.at(-1);
  const isFailure = last === 'Failed' || last === 'InvalidInput';
  expect([ends].flat()).toContain(isFailure ? ended.error : last);
  if (isFailure) expectCauseOf(ended);
  const edges = edgesTaken(ended, COMPACTION);
  expect(edges).toEqual(expect.arrayContaining(takes));
  if (scenario.leavesHeld !== true) expectNothingHeld(ports);
  await scenario.assess?.(ports, ended);
  await expectNothingLost(
    ports,
    scenario,
    [1, 2, 3, 4, ...more].filter((n) => !rejected.includes(n)),
    rejected,
  );
  return edges;
}

/** Whatever happened: once zombies are gone and the dead one's claim is over, a clean run leaves every delta decided. */
async function expectNothingLost(ports: MemoryPorts, { repair }: Scenario, applied: number[], rejected: number[]) {
  await ports.clock.idle();
  await repair?.(ports);
  await ports.clock.advance(EXPIRY_MS);
  const clean = await run(ports, INPUT);
  expect(['Compacted', 'UpToDate']).toContain(clean.path.at(-1));
  await expectSettled(ports, applied, rejected);
}

/** The first error's own cause: Lambda's JSON, or nothing for what Step Functions itself found. */
function expectCauseOf({ error, cause }: Run): void {
  if (error === 'States.Timeout') expect(cause).toBe('');
  else expect((JSON.parse(cause ?? '') as { errorType: string }).errorType).toBe(error);
}
