/** Walks read manifests many at a time, none below where they end, and believe none that their child does not vouch for. */
import { beforeEach, describe, expect, it } from 'vitest';
import { CorruptObjectError, StoreUnavailableError } from '../../lambdas/errors/errors.ts';
import { encodeManifest } from '../../lambdas/snapshot/manifest.ts';
import { rollback } from '../../lambdas/upkeep/rollback.ts';
import { findVersion, walkVersions } from '../../lambdas/versions/walk-versions.ts';
import { type Fault, faulty } from '../support/faulty.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts } from '../support/memory-ports.ts';
import { commit, type Prepared } from './commits.ts';

const VERSIONS = 150;
let ports: MemoryPorts;
let commits: Prepared[];
/** Keys of manifests in the order in which they were asked for. */
let reads: string[];
let [now, most] = [0, 0];

const isManifest = (key: string) => key.startsWith('manifests/');
const count: Fault = {
  on: 'store.get',
  when: ({ args }) => isManifest(args[0]),
  before: ({ args }) => {
    reads.push(args[0]);
    most = Math.max(most, ++now);
  },
  after: () => now--,
};
const slow: Fault = { on: 'store.get', before: () => ports.clock.sleep(50) };
const at = (version: number) => commits[version - 1] as Prepared;

beforeEach(async () => {
  ports = memoryPorts();
  await createCollection(ports);
  commits = await commit(ports, VERSIONS);
  ports.cache.forget();
  reads = [];
  [now, most] = [0, 0];
});

async function walk(faults: readonly Fault[] = [], enough = Number.POSITIVE_INFINITY): Promise<number[]> {
  const versions: number[] = [];
  for await (const { manifest } of walkVersions(faulty(ports, faults), COLLECTION)) {
    versions.push(manifest.version);
    if (versions.length === enough) break;
  }
  return versions;
}

async function overwrite(key: string, body: Uint8Array): Promise<void> {
  const { etag } = await ports.store.head(key);
  await ports.store.putIfMatch(key, body, etag);
}

describe('a walk over all versions', () => {
  it('reads each manifest once, in few round trips, and at most 32 at a time', async () => {
    const started = ports.clock.now();

    expect(await walk([count, slow])).toEqual(Array.from({ length: VERSIONS + 1 }, (_, n) => VERSIONS - n));

    expect(reads).toHaveLength(VERSIONS + 1);
    expect(new Set(reads).size).toBe(VERSIONS + 1);
    expect(most).toBe(32);
    // Pointer and newest; batches of 1, 2, 4, 8 and 16; then 119 manifests, 32 at a time.
    expect((ports.clock.now() - started) / 50).toBe(2 + 5 + 4);
  });

  it('that ends early has read at most twice what it passed', async () => {
    await walk([count], 5);
    expect(reads.length).toBeGreaterThanOrEqual(5);
    expect(reads.length).toBeLessThanOrEqual(2 * 5);
    expect(now).toBe(0);
  });

  it('goes on where reading ahead fails', async () => {
    const refused = new Set<string>();
    const flaky: Fault = {
      on: 'store.get',
      when: ({ args }) => isManifest(args[0]) && args[0] < at(100).ref.key && !refused.has(args[0]),
      before: ({ args }) => {
        refused.add(args[0]);
        throw new StoreUnavailableError('The store does not answer.');
      },
      times: 20,
    };
    await expect(walk([flaky])).resolves.toHaveLength(VERSIONS + 1);
    expect(refused.size).toBe(20);
  });

  it('believes no manifest that it read ahead: a well-formed one in the place of another is damage', async () => {
    const { manifest, ref } = at(100);
    await overwrite(ref.key, encodeManifest({ ...manifest, records: manifest.records + 1 }).bytes);
    await expect(walk()).rejects.toThrow(CorruptObjectError);
  });

  it('drops a damaged copy in the cache, and reads the store instead', async () => {
    const { ref } = at(100);
    const evicted: string[] = [];
    const cache = {
      read: async (key: string) => (key === ref.key ? Buffer.from('{}') : undefined),
      evict: async (key: string) => void evicted.push(key),
    };
    let versions = 0;
    for await (const _version of walkVersions({ store: ports.store, cache }, COLLECTION)) versions++;
    expect(versions).toBe(VERSIONS + 1);
    expect(evicted).toEqual([ref.key]);
  });
});

describe('a walk to one version', () => {
  it('reads only the newest manifest when that is the one', async () => {
    await findVersion(faulty(ports, [count]), COLLECTION);
    expect(reads).toEqual([at(VERSIONS).ref.key]);
  });

  it('reads nothing below an older one', async () => {
    const { manifest } = await findVersion(faulty(ports, [count]), COLLECTION, 100);
    expect(manifest.version).toBe(100);
    expect(reads.length).toBe(VERSIONS - 100 + 1);
    expect(reads.toSorted()[0]).toBe(at(100).ref.key);
  });

  it('rolls back over 140 versions in few round trips', async () => {
    const request = { collection: COLLECTION, version: 10, actor: 'somebody' };
    const started = ports.clock.now();

    await rollback(faulty(ports, [count, { ...slow, when: ({ args }) => isManifest(args[0]) }]), request);

    expect(reads.toSorted()[0]).toBe(at(10).ref.key);
    // The current version, and 140 manifests, 32 at a time.
    expect((ports.clock.now() - started) / 50).toBe(1 + 5);
  });
});
