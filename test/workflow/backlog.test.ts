/** A large backlog: what one plan asks for is bounded by one commit, and draining it all asks for so much per delta. */
import { expect, it } from 'vitest';
import { planCompaction } from '../../lambdas/compaction/plan-compaction.ts';
import { StoreUnavailableError, TableUnavailableError } from '../../lambdas/errors/errors.ts';
import { METRICS } from '../../lambdas/protocol/metrics.ts';
import { encodeDelta } from '../../lambdas/snapshot/delta.ts';
import { deltaKey } from '../../lambdas/snapshot/keys.ts';
import { type Fault, faulty, throws } from '../support/faulty.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts, records } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { commit } from './commits.ts';
import { expectNothingHeld, history, INPUT, idOf, inbox, submitNumber, upsert, waitingPorts } from './support.ts';

const DELTAS = 10_000;
/** The default. */
const PER_COMMIT = 500;
const PLAN = { input: INPUT, execution: 'one' };
/** Keys of one BatchGetItem, and of one page of LIST. */
const [KEYS_PER_READ, KEYS_PER_PAGE] = [100, 1_000];
const down = throws(new TableUnavailableError('It is throttled.'));

/** What is asked of store and table, in requests as S3 and DynamoDB count them. */
interface Requests {
  listPages: number;
  statusReads: number;
  /** Statuses that were asked for. */
  statuses: number;
  /** Calls of any port. */
  calls: number;
}

function counting(ports: MemoryPorts): { requests: Requests; faults: Fault[] } {
  const requests: Requests = { listPages: 0, statusReads: 0, statuses: 0, calls: 0 };
  const read: Fault = {
    on: 'statuses.getStatuses',
    before: ({ args: [, ids] }) => {
      requests.statuses += ids.length;
      requests.statusReads += Math.ceil(ids.length / KEYS_PER_READ);
    },
  };
  const list = ports.store.list.bind(ports.store);
  ports.store.list = async function* (prefix, options) {
    let isLast = false;
    for await (const page of list(prefix, options)) {
      requests.listPages++;
      isLast = page.length < KEYS_PER_PAGE;
      yield page;
    }
    // A full page does not say that nothing comes after it.
    if (!isLast) requests.listPages++;
  };
  return { requests, faults: [read, { on: '*', before: () => void requests.calls++ }] };
}

/** Few records, so that the model engine has little to do. */
async function backlog(deltas: number): Promise<MemoryPorts> {
  const ports = memoryPorts({ settings: { maxDeltasPerCommit: PER_COMMIT } });
  await createCollection(ports);
  for (let n = 1; n <= deltas; n++) {
    await ports.store.putIfAbsent(deltaKey(COLLECTION, idOf(n)), encodeDelta([upsert(`r-${n % 100}`, n)]));
  }
  return ports;
}

it('one plan of 10,000 deltas lists them all, and reads the statuses of one commit', async () => {
  const ports = await backlog(DELTAS);
  const { requests, faults } = counting(ports);

  const state = await planCompaction(faulty(ports, faults), PLAN);

  expect(state).toMatchObject({ next: 'merge', pending: DELTAS, leftovers: 0 });
  expect(requests).toMatchObject({ listPages: DELTAS / KEYS_PER_PAGE + 1, statuses: PER_COMMIT });
  expect(requests.statusReads).toBe(PER_COMMIT / KEYS_PER_READ);
});

it('10,000 deltas are drained in bounded commits, each once, with so many requests per delta', async () => {
  const ports = await backlog(DELTAS);
  const { requests, faults } = counting(ports);

  const { path } = await run(ports, INPUT, { faults });

  expect(path.at(-1)).toBe('Compacted');
  expect(inbox(ports)).toEqual([]);
  expectNothingHeld(ports);
  const decided = (await history(ports)).map(({ deltaId }) => deltaId);
  expect(decided).toEqual(Array.from({ length: DELTAS }, (_, n) => idOf(n + 1)));
  const rounds = DELTAS / PER_COMMIT;
  expect(path.filter((state) => state === 'SwapPointer')).toHaveLength(rounds);
  expect((await records(ports)).get('r-0')?.metadata).toEqual({ by: DELTAS });
  // The last 500 and the next 500, by plan and merge; the last 500 once more when they are settled.
  expect(requests.statuses / DELTAS).toBeLessThanOrEqual(5.1);
  expect((requests.statusReads * KEYS_PER_READ) / DELTAS).toBeLessThanOrEqual(5.5);
  // One whole listing, and one of what is left behind the last full commit; else a page or two, four times a round.
  expect(requests.listPages).toBeLessThanOrEqual(DELTAS / KEYS_PER_PAGE + 1 + 2 + rounds * 4 * 1.5);
});

it('a plan asks for the same whether there are 2,000 versions and settled deltas before it, or none', async () => {
  // Prepare
  const WAITING = 30;
  const [young, old] = [await backlog(WAITING), await backlog(WAITING)];
  await commit(old, 2_000);
  const status = { outcome: 'applied', version: 1, sha256: 'a'.repeat(64), rejectedOperations: 0 } as const;
  for (let n = 1; n <= 2_000; n++) await old.statuses.putStatus(COLLECTION, `settled-${n}`, status);
  const counts = [young, old].map((ports) => ({ ports, ...counting(ports) }));

  // Act
  const states = [];
  for (const { ports, faults } of counts) states.push(await planCompaction(faulty(ports, faults), PLAN));

  // Assess
  expect(states.map(({ pending, base }) => [pending, base.version])).toEqual([
    [WAITING, 0],
    [WAITING, 2_000],
  ]);
  expect(counts[1]?.requests).toEqual(counts[0]?.requests);
});

it('late duplicates in front are passed, in few looks, and settled although more waits behind them', async () => {
  // Prepare: 300 decided deltas arrive again, and 40 new ones after them.
  const ports = await backlog(300);
  await run(ports, INPUT);
  for (let n = 1; n <= 300; n++) {
    await ports.store.putIfAbsent(deltaKey(COLLECTION, idOf(n)), encodeDelta([upsert(`r-${n % 100}`, n)]));
  }
  await ports.clock.advance(1_000);
  for (let n = 301; n <= 340; n++) {
    await ports.store.putIfAbsent(deltaKey(COLLECTION, idOf(n)), encodeDelta([upsert('late', n)]));
  }
  ports.settings.maxDeltasPerCommit = 10;
  let looks = 0;
  const look: Fault = { on: 'statuses.getStatuses', in: 'PlanCompaction', before: () => void looks++ };

  // Act
  const { path } = await run(ports, INPUT, { faults: [look] });

  // Assess: one round to come to the new ones by doubling, and three more.
  expect(path.filter((state) => state === 'SwapPointer')).toHaveLength(4);
  expect(looks).toBeLessThanOrEqual(20);
  expect((await history(ports)).map(({ deltaId }) => deltaId)).toEqual(
    Array.from({ length: 340 }, (_, n) => idOf(n + 1)),
  );
  expect(inbox(ports)).toEqual([]);
  expectNothingHeld(ports);
});

it('late duplicates behind deltas that cannot be read are settled', async () => {
  // Prepare: delta 1, of which no ledger knows any more, arrives again behind the unreadable 5 to 7; a commit takes two.
  const ports = await waitingPorts({ settings: { maxDeltasPerCommit: 2 } });
  await run(ports, INPUT);
  await submitNumber(ports, 5, 6, 7);
  await ports.clock.advance(1_000);
  await submitNumber(ports, 1);
  const unreadable: Fault = {
    on: 'store.get',
    when: ({ args: [key] }) => [5, 6, 7].some((n) => key === deltaKey(COLLECTION, idOf(n))),
    before: throws(new StoreUnavailableError('503')),
  };

  // Act
  const { path } = await run(ports, INPUT, { faults: [unreadable] });

  // Assess
  expect(path.at(-1)).toBe('UpToDate');
  expect(inbox(ports)).toEqual([5, 6, 7].map((n) => deltaKey(COLLECTION, idOf(n))));
  expectNothingHeld(ports);
});

it.each([
  ['the first statuses', 1],
  ['further statuses', 2],
])('the age of the oldest delta is reported although %s cannot be read', async (_what, from) => {
  const ports = await backlog(200);
  await ports.clock.advance(90_000);
  const throttled = faulty(ports, [{ on: 'statuses.getStatuses', from, before: down }]);

  await expect(planCompaction(throttled, PLAN)).rejects.toThrow(TableUnavailableError);

  const ages = ports.telemetry.metrics.filter(({ name }) => name === METRICS.pendingDeltaAge.name);
  expect(ages.map(({ value }) => value)).toEqual([90]);
});
