/** Damage in the store: found and named before a record is served or merged, and never published further. */
import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CorruptObjectError } from '../../lambdas/errors/errors.ts';
import { decodePointer, encodePointer, type Pointer } from '../../lambdas/protocol/pointer.ts';
import { manifestsPrefix, packsPrefix, pointerKey } from '../../lambdas/snapshot/keys.ts';
import { verifyVersion } from '../../lambdas/upkeep/verify-version.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { findVersion, walkVersions } from '../../lambdas/versions/walk-versions.ts';
import { Random } from '../simulation/random.ts';
import { COLLECTION, type MemoryPorts, submit } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { DAMAGES, type Damage, damaged } from './damage.ts';
import { cold, commit, listKeys, OTHER, read, replaceObject, storedWorld, upserts } from './world.ts';

/** Cases per kind of damage and class of object; a third as many are tried with a merge. */
const CASES = Number(process.env.COMPACTOR_CASES ?? 30);
/** For the names of the fields. */
const ANY_POINTER: Pointer = {
  collection: COLLECTION,
  version: 1,
  commitId: '01KDVDNA0047C4FEZDQK8YZG0M',
  manifest: { key: 'key', sha256: 'a'.repeat(64) },
  token: 1,
  fence: 0,
  fencedBy: null,
  retainedFrom: 0,
  statusTable: 'table',
  records: 0,
  committedAt: '2026-01-01T00:00:00.000Z',
  execution: 'arn',
};
/** Errors that a damaged object may end an execution with. */
const NAMES = ['CorruptObjectError', 'ForeignStoreError', 'InvariantViolatedError'];

describe.each(['memory', 'files'] as const)('in a store of %s', (kind) => {
  const roots: string[] = [];
  const cases = kind === 'memory' ? CASES : Math.ceil(CASES / 10);
  let shared: MemoryPorts;

  async function newWorld(): Promise<MemoryPorts> {
    if (kind === 'memory') return storedWorld();
    const root = await mkdtemp(join(tmpdir(), 'corruption-'));
    roots.push(root);
    return storedWorld(root);
  }

  beforeAll(async () => {
    shared = await newWorld();
  });
  afterAll(async () => {
    for (const root of roots) await rm(root, { recursive: true, force: true });
  });

  describe.each(['pointer', 'manifest', 'pack'])('a %s', (what) => {
    test.each(DAMAGES)('that suffers from %s is named to a reader, or what is read is right', async (how) => {
      const expected = await read(shared);
      let named = 0;
      for (let seed = 0; seed < cases; seed++) {
        await withDamage(shared, what, how, new Random(seed), async ({ key, before, after }) => {
          const outcome = await read(cold(shared)).catch((error: unknown) => error);
          if (outcome instanceof Error) {
            expect(outcome, `seed ${seed}`).toBeInstanceOf(CorruptObjectError);
            expect(outcome.message, `seed ${seed}`).toMatch(/Restore|[Rr]oll back/);
            named++;
            return;
          }
          expect(outcome, `seed ${seed}`).toEqual(expected);
          // One blank that became another.
          if (what === 'pointer') expect(decode(key, after), `seed ${seed}`).toEqual(decode(key, before));
        });
      }
      // What lies behind the last frame of a pack is never read.
      if (what !== 'pack' || how !== 'extend') expect(named, 'how often it was named').toBeGreaterThan(0);
    });

    test.each(DAMAGES)('that suffers from %s stops a merge that needs it, and nothing is published', async (how) => {
      let stopped = 0;
      let ports = shared;
      for (let seed = 0; seed < cases / 3; seed++) {
        // A commit on a damaged pointer cannot be taken back.
        if (what === 'pointer') ports = await newWorld();
        await submit(ports, `${what}-${how}-${seed}`, upserts('c', 3, seed));
        const manifests = await listKeys(ports.store, manifestsPrefix(COLLECTION));
        await withDamage(ports, what, how, new Random(1_000 + seed), async ({ key, before, after }) => {
          const { status, error } = await run(cold(ports), { collection: COLLECTION });

          const published = await listKeys(ports.store, manifestsPrefix(COLLECTION));
          if (status === 'FAILED') {
            expect(NAMES, `seed ${seed}`).toContain(error);
            expect(Buffer.from((await ports.store.get(key)).body), `seed ${seed}`).toEqual(Buffer.from(after));
            expect(published, `seed ${seed}`).toEqual(manifests);
            stopped++;
          } else {
            // Bytes that the base does not need, or a blank in the pointer.
            expect(published.length, `seed ${seed}`).toBe(manifests.length + 1);
            if (what === 'pointer') expect(decode(key, after), `seed ${seed}`).toEqual(decode(key, before));
          }
          return status === 'FAILED' || what !== 'pointer';
        });
        // The delta was not lost by any of this.
        await commit(ports, `${what}-${how}-${seed}-after`, upserts('d', 1, seed));
        expect((await read(ports)).get('c-2')?.embedding?.[1], `seed ${seed}`).toBe(seed);
      }
      if (what !== 'pack' || how !== 'extend') expect(stopped, 'how often it was stopped').toBeGreaterThan(0);
    });
  });

  const fields = Object.keys(JSON.parse(Buffer.from(encodePointer(ANY_POINTER)).toString()));
  test.each(fields)(
    'a bit that flips anywhere in "%s" of the pointer is named to readers and to a merge',
    async (field) => {
      const key = pointerKey(COLLECTION);
      const { body } = await shared.store.get(key);
      const [start, end] = fieldSpan(body, field);
      for (let at = start; at < end; at += kind === 'memory' ? 1 : 16) {
        const mend = await replaceObject(shared.store, key, withFlipped(body, at, at % 8));
        try {
          await expect(readPointer(shared, COLLECTION), `byte ${at}`).rejects.toBeInstanceOf(CorruptObjectError);
        } finally {
          await mend();
        }
      }
      await submit(shared, `flip-${field}`, upserts('e', 1));
      const mend = await replaceObject(shared.store, key, withFlipped(body, Math.floor((start + end) / 2), 0));
      const { status, error } = await run(cold(shared), { collection: COLLECTION });
      await mend();
      expect({ status, error }).toEqual({ status: 'FAILED', error: 'CorruptObjectError' });
    },
  );

  test('a pointer whose fields were edited by hand is named', async () => {
    const key = pointerKey(COLLECTION);
    const { body } = await shared.store.get(key);
    const json = JSON.parse(Buffer.from(body).toString());
    for (const change of [{ retainedFrom: 1 }, { token: 99 }, { fence: 7 }, { records: 0 }, { fencedBy: 'me' }]) {
      const mend = await replaceObject(shared.store, key, Buffer.from(JSON.stringify({ ...json, ...change })));
      await expect(read(cold(shared)), JSON.stringify(change)).rejects.toThrow('do not match');
      await mend();
    }
  });

  test.each(DAMAGES)('a parent manifest that suffers from %s is named to whoever walks the history', async (how) => {
    for (let seed = 0; seed < cases; seed++) {
      await withDamage(shared, 'parent', how, new Random(seed), async () => {
        const walk = async () => {
          for await (const _version of walkVersions(cold(shared), COLLECTION));
        };
        await expect(walk(), `seed ${seed}`).rejects.toBeInstanceOf(CorruptObjectError);
      });
    }
  });

  test.each(DAMAGES)('a pack that suffers from %s is named by verifying', async (how) => {
    for (let seed = 0; seed < cases; seed++) {
      await withDamage(shared, 'pack', how, new Random(seed), async ({ before, after }) => {
        const loaded = await findVersion(shared, COLLECTION);
        const verified = verifyVersion(cold(shared), loaded);
        // A frame that this version does not need any more may lie there in any state, in its place.
        if (after.length === before.length)
          await verified.catch((error) => expect(error).toBeInstanceOf(CorruptObjectError));
        else await expect(verified, `seed ${seed}`).rejects.toBeInstanceOf(CorruptObjectError);
      });
    }
  });

  test.each(['pointer', 'manifest'])('a %s that grew beyond any is named, and not read whole', async (what) => {
    if (kind === 'memory') return;
    const { key } = await target(shared, what, new Random(1));
    const { body } = await shared.store.get(key);
    const mend = await replaceObject(shared.store, key, body);
    // A terabyte of holes behind what was there.
    await truncate(join(roots[0] ?? '', 'store', key), 2 ** 40);
    const outcome = await read(cold(shared)).catch((error: unknown) => error);
    await truncate(join(roots[0] ?? '', 'store', key), body.length);
    await mend();
    expect((outcome as Error).name).toBe('CorruptObjectError');
    expect((outcome as Error).message).toContain('1099511627776 bytes');
  });

  test('an object that is gone is named, too', async () => {
    for (const what of ['pointer', 'manifest', 'pack']) {
      const { key } = await target(shared, what, new Random(1));
      const { body } = await shared.store.get(key);
      await shared.store.delete(key);
      const outcome = await read(cold(shared)).catch((error: unknown) => error);
      await shared.store.putIfAbsent(key, body);
      expect((outcome as Error).name, what).toBe(what === 'pointer' ? 'PointerMissingError' : 'CorruptObjectError');
    }
  });
});

/** An object of the current version, and another of its kind to exchange it with. */
async function target(ports: MemoryPorts, what: string, random: Random): Promise<{ key: string; other: string }> {
  if (what === 'pointer') return { key: pointerKey(COLLECTION), other: pointerKey(OTHER) };
  const { manifest } = await findVersion(ports, COLLECTION);
  const { pointer } = await readPointer(ports, COLLECTION);
  const prefixes = what === 'pack' ? packsPrefix : manifestsPrefix;
  const own = await listKeys(ports.store, prefixes(COLLECTION));
  const all = [...own, ...(await listKeys(ports.store, prefixes(OTHER)))];
  const current = what === 'pack' ? manifest.packs.map((pack) => pack.key) : [pointer.manifest.key];
  const key = random.pick(what === 'parent' ? own.filter((one) => !current.includes(one)) : current);
  const content = (one: string) => ports.store.get(one).then(({ body }) => Buffer.from(body));
  const mine = await content(key);
  // Two packs may hold the same bytes: what is written again does not depend on who writes it.
  const others = await Promise.all(all.map(async (one) => ((await content(one)).equals(mine) ? [] : [one])));
  return { key, other: random.pick(others.flat()) };
}

interface Damaged {
  key: string;
  before: Uint8Array;
  after: Uint8Array;
}

/** Damage an object, do something, and mend it, unless that gives back `false`. */
async function withDamage(
  ports: MemoryPorts,
  what: string,
  how: Damage,
  random: Random,
  task: (damage: Damaged) => Promise<unknown>,
): Promise<void> {
  const { key, other } = await target(ports, what, random);
  const before = (await ports.store.get(key)).body;
  const after = damaged(how, before, (await ports.store.get(other)).body, random);
  const mend = await replaceObject(ports.store, key, after);
  let isToBeMended: unknown = true;
  try {
    isToBeMended = await task({ key, before, after });
  } finally {
    if (isToBeMended !== false) await mend();
  }
}

const decode = (key: string, bytes: Uint8Array): Pointer => decodePointer(key, COLLECTION, bytes);

/** First byte of a field of a stored pointer, its name included, and the one behind its value. */
function fieldSpan(body: Uint8Array, field: string): [start: number, end: number] {
  const text = Buffer.from(body).toString('latin1');
  const start = text.indexOf(`\n  "${field}"`) + 3;
  const next = text.slice(start).search(/\n( {2}"|\})/);
  return [start, start + next];
}

function withFlipped(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ (1 << bit);
  return copy;
}
