/** A member that a request does not have is misspelt or meant for another version: it is named, and nothing is done. */
import { describe, expect, it } from 'vitest';
import { releaseAbandoned } from '../../lambdas/compaction/release-abandoned.ts';
import { InvalidInputError } from '../../lambdas/errors/errors.ts';
import { makeQuery } from '../../lambdas/reader/query-snapshot.ts';
import { collectAllGarbage } from '../../lambdas/upkeep/collect-garbage.ts';
import type { Json } from '../../local/sfn/definition.ts';
import { COLLECTION, type MemoryPorts } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { INPUT, waitingPorts } from './support.ts';

const snapshotOf = (ports: MemoryPorts) => ({ store: ports.store.snapshot(), table: ports.table.items() });

describe('an execution', () => {
  it.each<[Json, string]>([
    [{ ...INPUT, vacum: true }, '"vacum" is unknown'],
    [{ ...INPUT, vacuum: 'yes' }, '"vacuum" must be true or false, not "yes"'],
    [{ colection: COLLECTION }, '"collection" is missing; "colection" is unknown'],
  ])('is not started by %j', async (input, said) => {
    const ports = await waitingPorts();
    const before = snapshotOf(ports);

    const { path, error, cause } = await run(ports, input);

    expect({ path, error }).toEqual({ path: ['PlanCompaction', 'InvalidInput'], error: 'InvalidInputError' });
    expect(JSON.parse(cause ?? '').errorMessage).toContain(said);
    expect(snapshotOf(ports)).toEqual(before);
  });

  it('may be started by another state machine, which links the two', async () => {
    const ports = await waitingPorts();

    const { path } = await run(ports, { ...INPUT, AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: 'arn:parent' });

    expect(path.at(-1)).toBe('Compacted');
  });
});

it.each([
  { execution: 'arn:dead', collection: COLLECTION, force: true },
  { execution: 'arn:dead', collection: 7 },
  { execution: 'arn:dead' },
])('nothing is released for %j', async (event) => {
  const ports = await waitingPorts();
  const before = snapshotOf(ports);

  const released = releaseAbandoned(ports, event as never);

  await expect(released).rejects.toBeInstanceOf(InvalidInputError);
  expect(snapshotOf(ports)).toEqual(before);
});

describe('garbage', () => {
  it.each([
    { colection: COLLECTION },
    { collection: COLLECTION, dryRun: true },
    { source: 'somebody', time: '2026-11-27T00:00:00Z' },
    { source: 'aws.events', collection: COLLECTION },
    [],
    'all',
    null,
  ])('of no collection is collected for %j', async (event) => {
    const ports = await waitingPorts();
    const before = snapshotOf(ports);

    const collected = collectAllGarbage(ports, event);

    await expect(collected).rejects.toBeInstanceOf(InvalidInputError);
    expect(snapshotOf(ports)).toEqual(before);
  });

  it("of all is collected for the schedule's own event", async () => {
    const ports = await waitingPorts();
    const event = { version: '0', id: 'e-1', 'detail-type': 'Scheduled Event', source: 'aws.events', detail: {} };

    const { reports } = await collectAllGarbage(ports, event);

    expect(reports.map(({ collection }) => collection)).toEqual([COLLECTION]);
  });
});

it.each([
  [{ filter: { legs: 4 } }, '"filter" is unknown'],
  [{ n_results: 3 }, '"n_results" is unknown'],
  [{ limit: 'ten' }, '"limit" must be a number, not "ten"'],
  [{ embedding: [] }, '"embedding" must have at least 1 element'],
])('a query with %j is refused, and not answered as if it were not there', async (more, said) => {
  const ports = await waitingPorts();

  const answer = makeQuery()(ports, { collection: COLLECTION, embedding: [1, 0, 0, 0], ...more } as never);

  await expect(answer).rejects.toThrow(said);
  await expect(answer).rejects.toBeInstanceOf(InvalidInputError);
});
