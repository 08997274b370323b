import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { DirtyDirectoryError, EngineRejectedDataError, EngineUnavailableError } from '../../lambdas/errors/errors.ts';
import type { EngineRecord, EngineSession, WorkingDirectory } from '../../lambdas/ports.ts';
import { BLOCK_SIZE } from '../../lambdas/snapshot/blocks.ts';
import { MemoryDirectories, MemoryDirectory } from '../support/memory-directories.ts';
import { applyUpsert, MemoryEngine } from '../support/memory-engine.ts';
import { DATABASE, JOURNAL } from '../support/model-database.ts';

const COLLECTION = 'books';
const OPTIONS = { space: 'l2', dimension: 2 } as const;

const engine = new MemoryEngine();
let directories: MemoryDirectories;
let directory: WorkingDirectory;
beforeEach(async () => {
  directories = new MemoryDirectories();
  directory = await directories.claim(COLLECTION);
});

async function open(on = directory, by = engine): Promise<EngineSession> {
  const session = await by.open(on);
  await session.useCollection(COLLECTION, OPTIONS);
  return session;
}

describe('records', () => {
  it('are read back as written, in single precision', async () => {
    const session = await open();
    const record = { id: 'a', embedding: [0.1, -2], metadata: { n: 1, s: 'x', b: true }, document: 'Text ✓' };
    await session.upsert([record]);
    expect(await session.get(['a', 'absent'])).toEqual([{ ...record, embedding: [Math.fround(0.1), -2] }]);
    expect(await session.existing(['a', 'absent'])).toEqual(new Set(['a']));
    expect(await session.count()).toBe(1);
  });

  it('keep what an upsert or update does not give, and lose what it gives as null', async () => {
    const session = await open();
    await session.upsert([{ id: 'a', embedding: [1, 2], metadata: { n: 1, m: 2 }, document: 'text' }]);
    await session.upsert([{ id: 'a', embedding: [3, 4] }]);
    await session.update([{ id: 'a', metadata: { n: null, k: 3 } }]);
    expect(await session.get(['a'])).toEqual([
      { id: 'a', embedding: [3, 4], metadata: { m: 2, k: 3 }, document: 'text' },
    ]);
  });

  it('that are missing are passed over by update and remove, in silence', async () => {
    const session = await open();
    await session.update([{ id: 'absent', document: 'text' }]);
    await session.remove(['absent']);
    expect(await session.count()).toBe(0);
  });

  it.each<[string, EngineRecord[]]>([
    ['another dimension', [{ id: 'b', embedding: [1] }]],
    ['a number that is none', [{ id: 'b', embedding: [1, Number.NaN] }]],
    ['a number beyond single precision', [{ id: 'b', embedding: [1, 1e39] }]],
    ['no embedding', [{ id: 'b', document: 'text' }]],
    ['an id twice', [1, 2].map((n) => ({ id: 'b', embedding: [n, n] }))],
  ])('with %s are refused with their whole batch', async (_, bad) => {
    const session = await open();
    await expect(session.upsert([{ id: 'good', embedding: [0, 0] }, ...bad])).rejects.toThrow(EngineRejectedDataError);
    expect(await session.count()).toBe(0);
    await session.upsert([{ id: 'good', embedding: [0, 0] }]);
  });

  it('can be refused at will', async () => {
    const session = await open(directory, new MemoryEngine({ refuses: (record) => record.id === 'poison' }));
    await expect(session.upsert([{ id: 'poison', embedding: [0, 0] }])).rejects.toThrow(EngineRejectedDataError);
  });
});

describe('query', () => {
  it.each([
    { space: 'l2', expected: { y: 2, x: 4 } },
    { space: 'ip', expected: { x: -2, y: 1 } },
    { space: 'cosine', expected: { x: 0, y: 1 } },
  ] as const)('gives the nearest by $space', async ({ space, expected }) => {
    const session = await engine.open(directory);
    await session.useCollection(COLLECTION, { space, dimension: 2 });
    await session.upsert([
      { id: 'x', embedding: [3, 0] },
      { id: 'y', embedding: [0, 1] },
    ]);

    const found = await session.query([1, 0], 5);

    expect(found.map(({ id, distance }) => [id, distance])).toEqual(Object.entries(expected));
    expect(await session.query([1, 0], 1)).toEqual(found.slice(0, 1));
    await expect(session.query([1], 1)).rejects.toThrow(EngineRejectedDataError);
  });
});

describe('files', () => {
  it('lose the marker before anything else', async () => {
    await directory.markClean({ manifestKey: 'k', manifestSha256: 's' });
    await directory.writeAt(JOURNAL, 0, Buffer.from('left by a crash'));
    await expect(engine.open(directory)).rejects.toThrow(DirtyDirectoryError);
    expect(await directory.readMarker()).toBeUndefined();
  });

  it('tell how many records they hold without a server', async () => {
    expect(await engine.inspect(directory, COLLECTION)).toEqual({ migrations: {}, records: 0 });
    const session = await open();
    await session.upsert(records(30));
    await session.remove(['3']);
    await session.close();
    expect(await engine.inspect(directory, COLLECTION)).toEqual({ migrations: { model: 1 }, records: 29 });
    expect((await engine.inspect(directory, 'films')).records).toBe(0);
    expect((await directory.list()).map((file) => file.path)).toEqual([DATABASE]);
  });

  it('keep their collection as it was created', async () => {
    await (await open()).close();
    const session = await engine.open(directory);
    await expect(session.useCollection(COLLECTION, { space: 'ip', dimension: 2 })).rejects.toThrow(DirtyDirectoryError);
    await expect(session.useCollection('films', OPTIONS)).rejects.toThrow(DirtyDirectoryError);
  });

  it('change in few blocks when few records change, and shrink when the last go', async () => {
    const session = await open();
    await session.upsert(records(200));
    const before = await content();
    await session.update([{ id: '120', metadata: { n: -1 } }]);
    const after = await content();
    await session.remove(records(200).map(({ id }) => id));

    expect(after.length).toBe(before.length);
    expect(changedBlocks(before, after)).toBe(1);
    expect((await content()).length).toBeLessThan(BLOCK_SIZE);
  });

  it('show a crash in the middle of a write', async () => {
    // Prepare: the third write from now (journal, one slot, another slot) never happens.
    const session = await open();
    const write = vi.spyOn(directory, 'writeAt');
    const real: WorkingDirectory['writeAt'] = MemoryDirectory.prototype.writeAt.bind(directory);
    let writes = 0;
    write.mockImplementation(async (...args) => {
      if (++writes === 3) throw new Error('power cut');
      await real(...args);
    });

    // Act
    await expect(session.upsert(records(5))).rejects.toThrow('power cut');

    // Assess: neither this session nor the next owner can go on with it.
    await expect(session.count()).rejects.toThrow(EngineUnavailableError);
    await directory.writeDigests({ manifestKey: 'k', manifestSha256: 's', manifest: Buffer.of(), files: new Map() });
    directories.crash(directory);
    const next = await directories.claim(COLLECTION);
    await expect(engine.inspect(next, COLLECTION)).rejects.toThrow(DirtyDirectoryError);
    await expect(engine.open(next)).rejects.toThrow(DirtyDirectoryError);
  });

  it('that are damaged are refused', async () => {
    await (await open()).upsert([{ id: 'long', embedding: [0, 0], document: 'x'.repeat(1000) }]);
    const { length } = await content();
    await directory.writeAt(DATABASE, length - 256, Buffer.alloc(256));
    await expect(engine.inspect(directory, COLLECTION)).rejects.toThrow(DirtyDirectoryError);
    await directory.resize(DATABASE, length - 1);
    await expect(engine.inspect(directory, COLLECTION)).rejects.toThrow(DirtyDirectoryError);
  });
});

describe('a session', () => {
  it('needs a collection, and does nothing once closed', async () => {
    const session = await engine.open(directory);
    await expect(session.count()).rejects.toThrow(EngineUnavailableError);
    await session.close();
    await session.close();
    await expect(session.useCollection(COLLECTION, OPTIONS)).rejects.toThrow(EngineUnavailableError);
  });
});

describe('any row of operations', () => {
  const id = fc.constantFrom('a', 'b', 'c', 'd', 'é');
  const component = fc.float({ noNaN: true, noDefaultInfinity: true });
  const fields = {
    metadata: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null))),
    document: fc.string({ maxLength: 900 }),
  };
  const embedding = fc.tuple(component, component).map(([x, y]) => [x, y]);
  const batch = <T extends { id: string }>(record: fc.Arbitrary<T>) =>
    fc.uniqueArray(record, { selector: (value) => value.id, maxLength: 4 });
  const upsert = batch(fc.record({ id, embedding, ...fields }, { requiredKeys: ['id', 'embedding'] }));
  const update = batch(fc.record({ id, embedding, ...fields }, { requiredKeys: ['id'] }));
  const operation = fc.oneof(
    fc.record({ op: fc.constant('upsert' as const), records: upsert }),
    fc.record({ op: fc.constant('update' as const), records: update }),
    fc.record({ op: fc.constant('remove' as const), ids: fc.array(id) }),
    fc.record({ op: fc.constant('reopen' as const) }),
  );
  type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

  async function run(operations: Operation[], on: WorkingDirectory): Promise<EngineSession> {
    let session = await open(on);
    for (const step of operations) {
      if (step.op === 'upsert') await session.upsert(step.records);
      if (step.op === 'update') await session.update(step.records);
      if (step.op === 'remove') await session.remove(step.ids);
      if (step.op === 'reopen') {
        await session.close();
        session = await open(on);
      }
    }
    return session;
  }

  function model(operations: Operation[]): Map<string, EngineRecord> {
    const records = new Map<string, EngineRecord>();
    for (const step of operations) {
      if (step.op === 'remove') for (const gone of step.ids) records.delete(gone);
      if (step.op !== 'upsert' && step.op !== 'update') continue;
      for (const given of step.records) {
        const old = records.get(given.id);
        if (step.op === 'upsert' || old !== undefined) records.set(given.id, applyUpsert(old, given));
      }
    }
    return records;
  }

  it('leaves what a plain map would hold, in the session and in the files', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 12 }), async (operations) => {
        const on = await new MemoryDirectories().claim(COLLECTION);
        const expected = model(operations);
        const session = await run(operations, on);
        const ids = [...expected.keys()];
        expect(await session.get(ids)).toEqual([...expected.values()]);
        expect(await session.count()).toBe(expected.size);
        await session.close();
        expect((await engine.inspect(on, COLLECTION)).records).toBe(expected.size);
        expect(await (await open(on)).get(ids)).toEqual([...expected.values()]);
      }),
    );
  });

  it('gives the same bytes every time, reopened or not', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 12 }), async (operations) => {
        const [once, again] = [new MemoryDirectories(), new MemoryDirectories()];
        const [a, b] = [await once.claim(COLLECTION), await again.claim(COLLECTION)];
        await run(operations, a);
        await run(
          operations.filter((step) => step.op !== 'reopen'),
          b,
        );
        expect((await content(a)).equals(await content(b))).toBe(true);
      }),
    );
  });
});

function records(count: number): EngineRecord[] {
  return Array.from({ length: count }, (_, n) => ({ id: String(n), embedding: [n, -n], metadata: { n } }));
}

async function content(of: WorkingDirectory = directory): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of of.read(DATABASE)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function changedBlocks(before: Buffer, after: Buffer): number {
  let changed = 0;
  for (let at = 0; at < after.length; at += BLOCK_SIZE) {
    const [a, b] = [before.subarray(at, at + BLOCK_SIZE), after.subarray(at, at + BLOCK_SIZE)];
    if (!a.equals(b)) changed++;
  }
  return changed;
}
