/** The log of a collection over the real machine: writers that race, are paused, lose responses and meet commits. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../lambdas/adapters/store/open-store.ts';
import {
  InvalidInputError,
  PointerMovedError,
  type RefusedLine,
  StoreUnavailableError,
} from '../../lambdas/errors/errors.ts';
import { LogWriter } from '../../lambdas/log/append.ts';
import { shareNext } from '../../lambdas/log/share-next.ts';
import type { WaitingDelta } from '../../lambdas/log/waiting-delta.ts';
import { applyWaiting, continues } from '../../lambdas/merge/apply-waiting.ts';
import type { EngineRecord, Ports } from '../../lambdas/ports.ts';
import { looksAt } from '../../lambdas/serving/looks.ts';
import { encodeDelta } from '../../lambdas/snapshot/delta.ts';
import { deltaKey, logPrefix, rejectionsPrefix } from '../../lambdas/snapshot/keys.ts';
import { numberedId } from '../../lambdas/snapshot/log-number.ts';
import type { LoggedRequest } from '../../lambdas/snapshot/request-delta.ts';
import { rollback } from '../../lambdas/upkeep/rollback.ts';
import { hydrate } from '../../lambdas/versions/hydrate.ts';
import { loadCurrent } from '../../lambdas/versions/load-current.ts';
import { type Fault, faulty, throws } from '../support/faulty.ts';
import { MemoryDirectories } from '../support/memory-directories.ts';
import { MemoryEngine } from '../support/memory-engine.ts';
import {
  COLLECTION,
  createCollection,
  DIMENSION,
  type MemoryPorts,
  memoryPorts,
  records,
  submit,
} from '../support/memory-ports.ts';
import { decodeRequests, encodeRequests } from '../support/request-deltas.ts';
import { run } from '../support/run-machine.ts';
import { expectNothingHeld, INPUT, inbox, overwrite, upsert } from './support.ts';

const down = throws(new StoreUnavailableError('The store does not answer.'));
const isLog = ({ args }: { args: unknown[] }) => String(args[0]).startsWith(logPrefix(COLLECTION));
const columns = (id: string, by: number) =>
  JSON.stringify({ ids: [id], embeddings: [new Array(DIMENSION).fill(by)], metadatas: [{ by }] });
const put = (id: string, by: number): LoggedRequest => ({ op: 'upsert', body: columns(id, by) });
const shared = (by: number): LoggedRequest => put('shared', by);

let ports: MemoryPorts;
beforeEach(async () => {
  ports = memoryPorts();
  await createCollection(ports);
});

/** Who, over the same store, meets these faults. */
const writer = (...faults: Fault[]) => new LogWriter(faulty(ports, faults), COLLECTION);
const compact = () => run(ports, INPUT);
const byOf = async (id: string) => (await records(ports)).get(id)?.metadata?.by;
const logged = () => inbox(ports).filter((key) => key.startsWith(logPrefix(COLLECTION)));
/** As a copy that serves is told of it. */
async function waitingIn(from: Ports): Promise<readonly WaitingDelta[]> {
  const { waiting, confirmed } = await looksAt(from, COLLECTION, 'index_and_wal')();
  await confirmed;
  return waiting;
}
async function markOf(): Promise<number | undefined> {
  return (await loadCurrent(ports, COLLECTION)).manifest.numbered;
}

describe('appending', () => {
  it('gives numbers from 1, and merges in their order, whatever the clock says', async () => {
    const [one, two] = [writer(), writer()];
    expect(await one.append(shared(1))).toEqual({ number: 1 });
    await ports.clock.advance(600_000);
    expect(await two.append(shared(2))).toEqual({ number: 2 });
    expect(await one.append(shared(3))).toEqual({ number: 3 });

    const { path } = await compact();

    expect(path.at(-1)).toBe('Compacted');
    expect(await byOf('shared')).toBe(3);
    expect(await markOf()).toBe(3);
    expect(inbox(ports)).toEqual([]);
    expect(await one.append(shared(4))).toEqual({ number: 4 });
    expectNothingHeld(ports);
  });

  it('puts what gathers while an object is on its way into the next one', async () => {
    const own = writer();
    const numbers = await Promise.all([1, 2, 3, 4, 5].map((n) => own.append(put(`own-${n}`, n))));
    expect(numbers.map(({ number }) => number)).toEqual([1, 2, 2, 2, 2]);
    const { body } = await ports.store.get(deltaKey(COLLECTION, numberedId(2)));
    expect(decodeRequests(body)).toEqual([2, 3, 4, 5].map((n) => put(`own-${n}`, n)));
  });

  it('refuses what no merge could read, and nothing else with it', async () => {
    const own = writer();
    const [bad, good] = await Promise.allSettled([own.append({ op: 'add', body: '[]' }), own.append(shared(1))]);
    expect(bad).toMatchObject({ status: 'rejected', reason: expect.any(InvalidInputError) });
    expect(good).toMatchObject({ status: 'fulfilled', value: { number: 1 } });
  });

  it('of rivals, all at once, loses nothing and doubles nothing', async () => {
    const writers = Array.from({ length: 6 }, () => writer());
    const all = await Promise.all(
      writers.map(async (own, w) => {
        const numbers: number[] = [];
        for (let n = 0; n < 8; n++) numbers.push((await own.append(put(`own-${w}-${n}`, n))).number);
        return numbers;
      }),
    );
    const numbers = all.flat();
    expect(new Set(numbers).size).toBe(48);
    expect(Math.max(...numbers)).toBe(48);
    for (const own of all) expect(own).toEqual([...own].sort((a, b) => a - b));
    await compact();
    expect((await records(ports)).size).toBe(48);
  });

  it('whose response is lost is found to be there', async () => {
    const own = writer({ on: 'store.putIfAbsent', when: isLog, times: 2, after: down });
    expect(await own.append(shared(1))).toEqual({ number: 1 });
    expect(logged()).toHaveLength(1);
  });

  it('whose response is lost, and which is decided and settled meanwhile, is known by its content', async () => {
    const own = writer({ on: 'store.putIfAbsent', when: isLog, times: 1, after: () => compact().then(down) });
    expect(await own.append(shared(1))).toEqual({ number: 1 });
    expect(await own.append(shared(2))).toEqual({ number: 2 });
    await compact();
    expect(await byOf('shared')).toBe(2);
    expect(inbox(ports)).toEqual([]);
    // Its second copy is the same content: nobody is told that an id was used twice.
    expect([...ports.store.snapshot().keys()].filter((key) => key.startsWith(rejectionsPrefix(COLLECTION)))).toEqual(
      [],
    );
  });

  it('whose object is decided and settled between two looks at it stays under its number', async () => {
    const own = writer(
      { on: 'store.putIfAbsent', when: isLog, times: 1, after: down },
      { on: 'store.head', when: isLog, times: 1, before: compact },
    );

    expect(await own.append(shared(1))).toEqual({ number: 1 });
    expect(await own.append(shared(2))).toEqual({ number: 2 });
    await compact();

    expect(await markOf()).toBe(2);
    expect(inbox(ports)).toEqual([]);
  });

  it('to a store that stays silent fails, and the next one is none the worse', async () => {
    let tried = 0;
    const silent = () => {
      tried++;
      down();
    };
    const own = writer({ on: 'store.putIfAbsent', when: isLog, times: 40, before: silent });
    await expect(own.append(shared(1))).rejects.toThrow(StoreUnavailableError);
    expect(tried).toBe(8);
    await ports.clock.advance(1);
    expect(await writer().append(shared(2))).toEqual({ number: 1 });
    expect(await new LogWriter(ports, COLLECTION).append(shared(3))).toEqual({ number: 2 });
  });

  it('is not acknowledged under a number that was decided with other content', async () => {
    const stale = writer();
    await stale.append(shared(1));
    const other = writer();
    await other.append(shared(2));
    await compact();
    // Number 2 has been decided, and its object is gone: the paused writer puts its own there.
    expect(inbox(ports)).toEqual([]);
    expect(await stale.append(shared(3))).toEqual({ number: 3 });
    expect(logged()).toEqual([deltaKey(COLLECTION, numberedId(3))]);
    await compact();
    expect(await byOf('shared')).toBe(3);
    expect(await markOf()).toBe(3);
  });

  it('is not acknowledged before the pointer was read after it', async () => {
    const stale = writer({
      ...{ on: 'store.putIfAbsent', when: isLog, from: 2, times: 1 },
      before: async () => {
        await writer().append(shared(2));
        await compact();
      },
    });
    await stale.append(shared(1));
    expect(await stale.append(shared(3))).toEqual({ number: 3 });
    await compact();
    expect(await byOf('shared')).toBe(3);
  });

  it('that dies over a stale number leaves what nobody applies, and the next settlement takes away', async () => {
    await writer().append(shared(1));
    await compact();
    const body = encodeRequests([shared(9)], 'of a writer that died');
    await ports.store.putIfAbsent(deltaKey(COLLECTION, numberedId(1)), body);
    expect(await waitingIn(ports)).toEqual([]);
    expect((await compact()).path.at(-1)).toBe('UpToDate');
    expect(inbox(ports)).toEqual([]);
    expect(await byOf('shared')).toBe(1);
  });

  it('goes on after a rollback with numbers that were never used', async () => {
    for (const by of [1, 2]) {
      await writer().append(shared(by));
      await compact();
    }
    await rollback(ports, { collection: COLLECTION, version: 1, actor: 'test' });
    expect(await byOf('shared')).toBe(1);
    expect(await markOf()).toBe(2);
    expect(await writer().append(put('own', 3))).toEqual({ number: 3 });
  });

  it('is by numbers that producers cannot take', async () => {
    await expect(submit(ports, numberedId(1), [upsert('a', 1)])).rejects.toThrow(InvalidInputError);
  });
});

describe('merging', () => {
  it('takes numbers before what producers dropped, and waits at a gap', async () => {
    await submit(ports, 'dropped', [upsert('shared', 9)]);
    await ports.clock.advance(5_000);
    await writer().append(shared(1));
    await ports.store.putIfAbsent(deltaKey(COLLECTION, numberedId(3)), encodeRequests([put('own-3', 3)], 'three'));

    expect((await compact()).path.at(-1)).toBe('Compacted');

    expect(await byOf('shared')).toBe(9);
    expect(await byOf('own-3')).toBeUndefined();
    expect(logged()).toEqual([deltaKey(COLLECTION, numberedId(3))]);
    expectNothingHeld(ports);
    expect(await writer().append(put('own-2', 2))).toEqual({ number: 2 });
    await compact();
    expect(await byOf('own-3')).toBe(3);
    expect(await markOf()).toBe(3);
    expect(inbox(ports)).toEqual([]);
  });

  it('lets nothing of the log overtake a write that cannot be read, but what was dropped', async () => {
    for (const by of [1, 2, 3]) await writer().append(shared(by));
    await submit(ports, 'dropped', [upsert('own', 7)]);
    const isSecond = ({ args }: { args: unknown[] }) => args[0] === deltaKey(COLLECTION, numberedId(2));

    await run(ports, INPUT, { faults: [{ on: 'store.get', when: isSecond, before: down }] });

    expect(await markOf()).toBe(1);
    expect(await byOf('shared')).toBe(1);
    expect(await byOf('own')).toBe(7);
    await compact();
    expect(await byOf('shared')).toBe(3);
    expect(await markOf()).toBe(3);
  });

  it('takes the log in commits of one delta each, in order', async () => {
    ports = memoryPorts({ settings: { maxDeltasPerCommit: 1 } });
    await createCollection(ports);
    for (const by of [1, 2, 3]) await writer().append(shared(by));
    await compact();
    expect(await byOf('shared')).toBe(3);
    expect((await loadCurrent(ports, COLLECTION)).pointer.version).toBe(3);
  });

  it('rejects, line by line, what an engine refuses at last', async () => {
    ports = memoryPorts({ engine: { refuses: ({ id }) => id === 'poison' } });
    await createCollection(ports);
    await Promise.all([put('a', 1), put('b', 2), put('poison', 3), put('c', 4)].map((one) => writer().append(one)));
    await compact();
    expect([...(await records(ports)).keys()].sort()).toEqual(['a', 'b', 'c']);
    expect(await markOf()).toBe(4);
    expect(inbox(ports)).toEqual([]);
  });
});

describe('what waits', () => {
  /** Records as a serving copy has them once what waits is applied. */
  async function served(): Promise<Map<string, EngineRecord>> {
    const current = await loadCurrent(ports, COLLECTION);
    const directory = await new MemoryDirectories().claim(COLLECTION);
    await hydrate(ports, directory, current);
    const session = await new MemoryEngine().open(directory);
    await session.useCollection(COLLECTION, current.manifest);
    const waiting = await waitingIn(ports);
    const overlay = await applyWaiting(ports, session, current, waiting);
    expect(overlay.records).toBe(await session.count());
    const again = await applyWaiting(ports, session, current, waiting, { overlay });
    expect(again).toEqual(overlay);
    return new Map(
      (await session.find({ include: ['documents', 'metadatas', 'embeddings'] })).map((one) => [one.id, one]),
    );
  }

  it('gives a reader before the merge what it gives after it', async () => {
    await writer().append(put('a', 1));
    await compact();
    await submit(ports, 'dropped', [upsert('shared', 9), { op: 'update', id: 'absent', document: 'x' }]);
    await writer().append({ op: 'add', body: columns('a', 5) });
    await writer().append({ op: 'update', body: columns('absent', 5) });
    await writer().append(shared(6));
    await writer().append({ op: 'delete', body: '{"ids":["nobody"]}' });

    const before = await served();
    await compact();

    expect(before).toEqual(await served());
    expect([...before].map(([id, { metadata }]) => [id, metadata?.by]).sort()).toEqual([
      ['a', 1],
      ['shared', 9],
    ]);
  });

  it('leaves out of a copy what was refused in the same object, and not in another under its id', async () => {
    const current = await loadCurrent(ports, COLLECTION);
    const engine = new MemoryEngine({ refuses: ({ id }) => id === 'poison' });
    const open = async () => {
      const session = await engine.open(await new MemoryDirectories().claim(COLLECTION));
      await session.useCollection(COLLECTION, current.manifest);
      return session;
    };
    await submit(ports, 'dropped', [upsert('good', 1), upsert('poison', 1)]);
    const first = await waitingIn(ports);
    const { refused } = (await applyWaiting(ports, await open(), current, first).catch((error) => error)) as {
      refused: RefusedLine[];
    };
    expect((await applyWaiting(ports, await open(), current, first, { refused })).records).toBe(1);
    await overwrite(ports, deltaKey(COLLECTION, 'dropped'), encodeDelta([upsert('good', 2), upsert('better', 2)]));

    const second = await waitingIn(ports);

    expect((await applyWaiting(ports, await open(), current, second, { refused })).records).toBe(2);
  });

  it('is not told beside a version that was replaced meanwhile', async () => {
    await writer().append(shared(1));
    const faults = [{ on: 'store.list', before: compact }];
    await expect(waitingIn(faulty(ports, faults))).rejects.toThrow(PointerMovedError);
  });

  it('that comes before what a copy has needs a fresh copy', async () => {
    await submit(ports, 'dropped', [upsert('shared', 9)]);
    const first = await waitingIn(ports);
    await writer().append(shared(1));
    const second = await waitingIn(ports);
    expect(second.map(({ number }) => number)).toEqual([1, undefined]);
    expect(continues({ deltas: first }, second)).toBe(false);
    expect(continues({ deltas: second.slice(0, 1) }, second)).toBe(true);
    expect(continues({ deltas: second }, second.slice(0, 1))).toBe(false);
  });

  it('is looked at by a look that began after whoever shares it came', async () => {
    let looks = 0;
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const look = shareNext(async () => {
      const own = ++looks;
      if (own === 1) await released;
      return own;
    });
    const [first, ...others] = [look(), look(), look()];
    release();
    expect(await first).toBe(1);
    expect(await Promise.all(others)).toEqual([2, 2]);
    expect(await look()).toBe(3);
  });
});

describe('a store of files', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'log-test-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('takes rivals in one order, too', async () => {
    const files: Ports = { ...ports, store: openStore(pathToFileURL(root).href) };
    await createCollection(files);
    const writers = Array.from({ length: 4 }, () => new LogWriter(files, COLLECTION));
    const all = await Promise.all(
      writers.flatMap((own, w) => Array.from({ length: 10 }, (_, n) => own.append(put(`own-${w}-${n}`, n)))),
    );
    const last = Math.max(...all.map(({ number }) => number));
    const waiting = await waitingIn(files);
    expect(waiting.map(({ number }) => number)).toEqual(Array.from({ length: last }, (_, n) => n + 1));
    const bodies = await Promise.all(waiting.map(({ key }) => files.store.get(key)));
    const requests = bodies.flatMap(({ body }) => decodeRequests(body)).map(({ body }) => JSON.parse(body).ids[0]);
    expect(requests.sort()).toEqual(
      writers.flatMap((_, w) => Array.from({ length: 10 }, (_, n) => `own-${w}-${n}`)).sort(),
    );
  });
});
