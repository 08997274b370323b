/** Damage in the cache: what is read is right all the same, and what is served from it afterwards is, too. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Manifest } from '../../lambdas/snapshot/manifest.ts';
import { hydrate } from '../../lambdas/versions/hydrate.ts';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import { Random } from '../simulation/random.ts';
import { MemoryDirectories } from '../support/memory-directories.ts';
import { COLLECTION, type MemoryPorts, submit } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { DAMAGES, damaged } from './damage.ts';
import { cold, read, storedWorld, upserts } from './world.ts';

const CASES = Number(process.env.COMPACTOR_CASES ?? 30);

/** What a test does to the cache behind its back. */
interface Backdoor {
  get(key: string): Promise<Uint8Array>;
  set(key: string, bytes: Uint8Array): Promise<void>;
}

describe.each(['memory', 'files'] as const)('a cache in %s', (kind) => {
  const cases = kind === 'memory' ? CASES : Math.ceil(CASES / 5);
  let ports: MemoryPorts;
  let backdoor: Backdoor;
  let root: string | undefined;

  beforeAll(async () => {
    if (kind === 'memory') {
      ports = await storedWorld();
      const { objects } = ports.cache;
      backdoor = {
        get: async (key) => objects.get(key) ?? Buffer.alloc(0),
        set: async (key, bytes) => void objects.set(key, Buffer.from(bytes)),
      };
      return;
    }
    root = await mkdtemp(join(tmpdir(), 'corruption-cache-'));
    const objects = join(root, 'cache', 'objects');
    ports = await storedWorld(root);
    backdoor = {
      get: (key) => readFile(join(objects, key)),
      set: (key, bytes) => writeFile(join(objects, key), bytes),
    };
  });
  afterAll(async () => {
    if (root !== undefined) await rm(root, { recursive: true, force: true });
  });

  test.each(DAMAGES)('that suffers from %s gives right data, and heals', async (how) => {
    for (let seed = 0; seed < cases; seed++) {
      const random = new Random(seed);
      const { key, right } = await damageCached(random, how);

      const { manifest, ref } = await findVersion(ports, COLLECTION);
      const directory = await new MemoryDirectories().claim(COLLECTION);
      const { storeBytes } = await hydrate(ports, directory, await findVersion(ports, COLLECTION));

      expect((await findVersion(ports, COLLECTION)).ref, `seed ${seed}`).toEqual(ref);
      await expectServed(manifest, ref.key, `seed ${seed}`);
      // Anything damaged was read from the store instead, and nothing but that.
      const again = await hydrate(
        ports,
        await new MemoryDirectories().claim(COLLECTION),
        await findVersion(ports, COLLECTION),
      );
      expect(again.storeBytes, `seed ${seed}`).toBe(storeBytes);
      await backdoor.set(key, right);
    }
  });

  test.each(DAMAGES)('that suffers from %s does no harm to a merge', async (how) => {
    for (let seed = 0; seed < cases / 5; seed++) {
      const { key, right } = await damageCached(new Random(seed), how);
      await submit(ports, `${how}-${seed}`, upserts('c', 2, seed));

      const { status, error } = await run(cold(ports, 'cache'), { collection: COLLECTION });

      expect({ status, error }, `seed ${seed}`).toEqual({ status: 'SUCCEEDED', error: undefined });
      // Read from the store alone: nothing of the damage went up.
      const records = await read(ports);
      expect(records.get('c-1')?.embedding?.[1], `seed ${seed}`).toBe(seed);
      expect(records.get('a-5')?.document, `seed ${seed}`).toBe('a number 5 of value 0 '.repeat(6));
      await backdoor.set(key, right);
    }
  });

  /** An object of the current version in the cache. */
  async function damageCached(random: Random, how: (typeof DAMAGES)[number]) {
    const { manifest, ref } = await findVersion(cold(ports), COLLECTION);
    const keys = [ref.key, ...manifest.packs.map((pack) => pack.key)];
    const key = random.pick(keys);
    const other = random.pick(keys.filter((one) => one !== key));
    const right = (await ports.store.get(key)).body;
    await backdoor.set(key, damaged(how, right, (await ports.store.get(other)).body, random));
    return { key, right };
  }

  /** Whatever the cache still gives of the version is what the store has. */
  async function expectServed(manifest: Manifest, manifestKey: string, message: string): Promise<void> {
    const cached = await ports.cache.read(manifestKey);
    if (cached !== undefined)
      expect(Buffer.from(cached), message).toEqual(Buffer.from((await ports.store.get(manifestKey)).body));
    for (const { frame } of manifest.files.flatMap((file) => file.extents)) {
      const range = { start: frame.offset, end: frame.offset + frame.length };
      const bytes = await ports.cache.read(frame.packKey, range);
      if (bytes === undefined) continue;
      const { body } = await ports.store.get(frame.packKey, { range });
      expect(Buffer.from(bytes).equals(body), `${message}: ${frame.packKey} at ${frame.offset}`).toBe(true);
    }
  }
});
