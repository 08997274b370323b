/** The walk along the versions, while garbage collection takes some of them. */
import { beforeEach, expect, it } from 'vitest';
import { CorruptObjectError } from '../../lambdas/errors/errors.ts';
import { collectGarbage } from '../../lambdas/upkeep/collect-garbage.ts';
import { findVersion, walkVersions } from '../../lambdas/versions/walk-versions.ts';
import { type Fault, faulty } from '../support/faulty.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { INPUT, submitNumber } from './support.ts';

const DAY = 24 * 60 * 60 * 1_000;
let ports: MemoryPorts;

beforeEach(async () => {
  ports = memoryPorts({ settings: { retainVersions: 2, retainDays: 0 } });
  await createCollection(ports);
  for (const n of [1, 2, 3, 4]) await commit(n);
  await ports.clock.advance(DAY);
  ports.cache.forget();
});

async function commit(n: number): Promise<void> {
  await submitNumber(ports, n);
  expect((await run(ports, INPUT)).path.at(-1)).toBe('Compacted');
}

async function collect(): Promise<void> {
  await collectGarbage(ports, { collection: COLLECTION, runId: ports.ids.ulid() });
  ports.cache.forget();
}

async function walk(faults: readonly Fault[] = []): Promise<number[]> {
  const versions: number[] = [];
  for await (const { manifest } of walkVersions(faulty(ports, faults), COLLECTION)) versions.push(manifest.version);
  return versions;
}

it('ends where collection has let go of the rest meanwhile', async () => {
  expect(await walk([{ on: 'store.get', from: 4, times: 1, before: collect }])).toEqual([4, 3]);
});

it('begins again when even the version that was current is gone', async () => {
  const overtaken = async () => {
    for (const n of [5, 6]) await commit(n);
    await ports.clock.advance(DAY);
    await collect();
  };
  expect(await walk([{ on: 'store.get', from: 2, times: 1, before: overtaken }])).toEqual([6, 5]);
});

it.each([4, 3, 1])('names version %d as damage when it is missing and should be retained', async (version) => {
  const { ref } = await findVersion(ports, COLLECTION, version);
  ports.cache.forget();
  await ports.store.delete(ref.key);
  await expect(walk()).rejects.toBeInstanceOf(CorruptObjectError);
});
