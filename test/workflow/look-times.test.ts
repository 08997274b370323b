/**
 * When a look at a collection is whole without a second one at the pointer, and when decided deltas may be deleted so
 * that it is (ADR 60). Time is virtual: calls take what the tests say.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { settleDeltas } from '../../lambdas/compaction/settle-deltas.ts';
import { StoreUnavailableError } from '../../lambdas/errors/errors.ts';
import { listInbox } from '../../lambdas/inbox/list-inbox.ts';
import { LogWriter } from '../../lambdas/log/append.ts';
import { isWholeAtOnce, LOOK_WITHIN_MS, msUntilDeletion, SETTLE_AFTER_MS } from '../../lambdas/protocol/settle-time.ts';
import { looksAt } from '../../lambdas/serving/looks.ts';
import { inboxPrefix, pointerKey } from '../../lambdas/snapshot/keys.ts';
import { loadCurrent } from '../../lambdas/versions/load-current.ts';
import { type Call, type Fault, faulty, throws } from '../support/faulty.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts, submit } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { INPUT, inbox, upsert } from './support.ts';

const isInbox = ({ args: [key] }: Call) => String(key).startsWith(inboxPrefix(COLLECTION));
const isPointer = ({ args: [key] }: Call) => key === pointerKey(COLLECTION);

let ports: MemoryPorts;
beforeEach(async () => {
  ports = memoryPorts();
  await createCollection(ports);
});

const write = (n: number) =>
  new LogWriter(ports, COLLECTION).append({
    op: 'upsert',
    body: JSON.stringify({ ids: [`r-${n}`], embeddings: [[n, n, n, n]] }),
  });
const look = (...faults: Fault[]) => looksAt(faulty(ports, faults), COLLECTION, 'index_and_wal');
const taking = (on: string, when: Fault['when'], ms: number): Fault => ({
  on,
  ...(when && { when }),
  before: () => ports.clock.advance(ms),
});

describe('the two times', () => {
  it('are a factor of three apart, by which the rates of two clocks may differ', () => {
    expect(SETTLE_AFTER_MS / LOOK_WITHIN_MS).toBeGreaterThanOrEqual(3);
  });

  it('are counted from the knowledge of a commit, and from before the first request', () => {
    expect(msUntilDeletion(1_000, 1_000)).toBe(SETTLE_AFTER_MS);
    expect(msUntilDeletion(1_000, 1_000 + SETTLE_AFTER_MS - 1)).toBe(1);
    expect(msUntilDeletion(1_000, 10_000)).toBe(0);
    expect(isWholeAtOnce(1_000, 1_000 + LOOK_WITHIN_MS)).toBe(true);
    expect(isWholeAtOnce(1_000, 1_000 + LOOK_WITHIN_MS + 1)).toBe(false);
  });
});

describe('a look', () => {
  it('that is quick reads the pointer once, and beside the listing', async () => {
    await write(1);
    const order: string[] = [];
    const asks = look(
      { on: 'store.list', before: () => order.push('listing'), after: () => order.push('listed') },
      { on: 'store.get', when: isPointer, before: () => order.push('pointer') },
      taking('store.list', undefined, LOOK_WITHIN_MS),
    );
    await (await asks()).confirmed;
    order.length = 0;

    const { waiting, confirmed } = await asks();

    expect(await confirmed).toBe('beside');
    expect(waiting.map(({ number }) => number)).toEqual([1]);
    expect(order.sort()).toEqual(['listed', 'listing', 'pointer']);
  });

  it.each([
    ['listing', 'store.list', undefined],
    ['read of the pointer', 'store.get', isPointer],
  ])('whose %s is slow reads the pointer once more, after both', async (_what, on, when) => {
    await write(1);
    const order: string[] = [];
    const asks = look(
      taking(on, when, LOOK_WITHIN_MS + 1),
      { on: 'store.list', after: () => order.push('listed') },
      { on: 'store.get', when: isPointer, before: () => order.push('pointer') },
    );
    await (await asks()).confirmed;
    order.length = 0;

    const { confirmed } = await asks();

    expect(await confirmed).toBe('after');
    expect(order.toSorted()).toEqual(['listed', 'pointer', 'pointer']);
    expect(order.at(-1)).toBe('pointer');
  });

  it.each([
    ['a later', 99, 'after'],
    ['its own', 0, 'beside'],
  ])('that leaves a delta out because of the status of %s version', async (_whose, version, confirmation) => {
    const status = { outcome: 'applied', version, sha256: 'a'.repeat(64), rejectedOperations: 0 } as const;
    // As by a commit that landed after the pointer was read.
    const report = () => ports.statuses.putStatus(COLLECTION, 'dropped', status);
    const asks = look({ on: 'statuses.getStatuses', before: report });
    await (await asks()).confirmed;
    await submit(ports, 'dropped', [upsert('a', 1)]);

    const { waiting, confirmed } = await asks();

    expect(waiting).toEqual([]);
    expect(await confirmed).toBe(confirmation);
  });
});

describe('a decided delta', () => {
  /** When things happened, by the virtual clock. */
  function watched() {
    const at: Record<'swapped' | 'reported' | 'deleted', number[]> = { swapped: [], reported: [], deleted: [] };
    const noting = (what: keyof typeof at) => () => void at[what].push(ports.clock.monotonic());
    const faults: Fault[] = [
      { on: 'store.putIfMatch', when: isPointer, after: noting('swapped') },
      { on: 'statuses.putStatus', after: noting('reported') },
      { on: 'store.deleteIfMatch', when: isInbox, before: noting('deleted') },
    ];
    return { at, faults };
  }

  it('is reported at once, and deleted when the time is over', async () => {
    for (const n of [1, 2, 3]) await write(n);
    await submit(ports, 'dropped', [upsert('a', 1)]);
    const { at, faults } = watched();

    await run(ports, INPUT, { faults });

    const [swapped = Number.NaN] = at.swapped;
    expect(at.reported).toEqual([swapped, swapped, swapped, swapped]);
    expect(at.deleted).toHaveLength(4);
    expect(Math.min(...at.deleted)).toBe(swapped + SETTLE_AFTER_MS);
    expect(inbox(ports)).toEqual([]);
  });

  it('is not waited for when the time passed meanwhile, nor when there is nothing to delete', async () => {
    await write(1);
    const { at, faults } = watched();
    const slow = { ...taking('statuses.putStatus', undefined, 10_000), in: 'FinishCompaction' };

    await run(ports, INPUT, { faults: [slow, ...faults] });
    const began = ports.clock.monotonic();
    await run(ports, INPUT);

    expect(at.deleted).toEqual(at.reported);
    expect(ports.clock.monotonic()).toBe(began);
  });

  it('that was committed by another execution is deleted when the time since the read of the pointer is over', async () => {
    await write(1);
    const unable = { on: 'store.deleteIfMatch', when: isInbox, before: throws(new StoreUnavailableError('Silent.')) };
    await run(ports, INPUT, { faults: [unable] });
    expect(inbox(ports)).toHaveLength(1);
    const { at, faults } = watched();
    const slow = { ...taking('store.get', isPointer, 1_000), in: 'FinishCompaction', times: 1 };
    const read: number[] = [];
    const reading = {
      on: 'store.get',
      when: isPointer,
      in: 'FinishCompaction',
      after: () => void read.push(ports.clock.monotonic()),
    };

    await run(ports, INPUT, { faults: [slow, reading, ...faults] });

    expect(at.deleted).toEqual([(read[0] ?? Number.NaN) + SETTLE_AFTER_MS]);
  });

  it('that only a status tells of is deleted when the time since the look at it is over', async () => {
    await submit(ports, 'dropped', [upsert('a', 1)]);
    const { manifest: earlier } = await loadCurrent(ports, COLLECTION);
    const unable = { on: 'store.deleteIfMatch', when: isInbox, before: throws(new StoreUnavailableError('Silent.')) };
    await run(ports, INPUT, { faults: [unable] });
    const { at, faults } = watched();
    const slow = taking('statuses.getStatuses', undefined, 1_000);
    const currentAt = ports.clock.monotonic();

    await settleDeltas(faulty(ports, [slow, ...faults]), earlier, await listInbox(ports, COLLECTION), true, currentAt);

    expect(at.deleted).toEqual([currentAt + 1_000 + SETTLE_AFTER_MS]);
  });

  it('is not deleted early by a timer that fires early', async () => {
    await write(1);
    const { at, faults } = watched();
    const sleep = ports.clock.sleep.bind(ports.clock);
    ports.clock.sleep = (ms) => sleep(ms === SETTLE_AFTER_MS ? ms / 2 : ms);

    await run(ports, INPUT, { faults });

    expect(at.deleted).toEqual([(at.swapped[0] ?? Number.NaN) + SETTLE_AFTER_MS]);
  });
});
