/** Copies that serve: opened once, advanced by what waits, swapped when a commit lands, closed when nobody asks. */
import { describe, expect, it } from 'vitest';
import { compact, stateOf, submit } from '../e2e/support.ts';
import { COLLECTIONS } from '../support/chroma-api.ts';
import { processesWhere } from '../support/processes.ts';
import { type Ask, canonical, create, HAS_ENGINE, type World, withEndpoint } from './support.ts';

const record = (id: string, n: number) => JSON.stringify({ ids: [id], embeddings: [[n, 1]], metadatas: [{ n }] });

async function idsIn(ask: Ask, collection: string, query = ''): Promise<string[]> {
  const { status, text } = await ask('POST', `${collection}/get${query}`, '{"include":[]}');
  if (status !== 200) throw new Error(`${status}: ${text}`);
  return (JSON.parse(text) as { ids: string[] }).ids;
}

async function storedAs({ endpoint }: World, name: string): Promise<string> {
  return (await endpoint.directory.findByName('default_tenant', 'default_database', name))?.collection ?? '';
}

async function commit(world: World, name: string): Promise<void> {
  const [run] = await compact(world.stack, await storedAs(world, name));
  if (run !== undefined) stateOf(run);
}

describe.skipIf(!HAS_ENGINE)('an endpoint', () => {
  it('reads what any endpoint acknowledged, and what producers dropped', () =>
    withEndpoint(async (world) => {
      const { ours, another, stack } = world;
      const { ask: theirs } = await another();
      const pets = await create(ours, 'pets');

      await ours('POST', `${pets}/add`, record('cat', 1));
      expect(await idsIn(theirs, pets)).toEqual(['cat']);
      await theirs('POST', `${pets}/add`, record('dog', 2));
      expect(await idsIn(ours, pets)).toEqual(['cat', 'dog']);
      await commit(world, 'pets');
      await theirs('POST', `${pets}/upsert`, record('cat', 3));
      await submit(stack, await storedAs(world, 'pets'), 'dropped', [{ op: 'upsert', id: 'newt', embedding: [5, 5] }]);
      expect(await idsIn(ours, pets)).toEqual(['cat', 'dog', 'newt']);
      // Comes before what was dropped: the copy is made anew.
      await theirs('POST', `${pets}/add`, record('newt', 4));

      const { text, headers } = await ours('POST', `${pets}/get`, '{"ids":["cat","newt"],"include":["embeddings"]}');
      expect(JSON.parse(text).embeddings).toEqual([
        [3, 1],
        [5, 5],
      ]);
      expect(headers.get('x-compactor-version')).toBe('1');
      expect(headers.get('x-compactor-waiting')).toBe('3');
      await commit(world, 'pets');
      const after = await ours('POST', `${pets}/get`, '{"ids":["cat","newt"],"include":["embeddings"]}');
      expect(after.text).toBe(text);
      expect(after.headers.get('x-compactor-version')).toBe('2');
    }));

  it('reads the version alone at index_only', () =>
    withEndpoint(async (world) => {
      const { ours } = world;
      const pets = await create(ours, 'pets');
      await ours('POST', `${pets}/add`, record('cat', 1));

      expect(await idsIn(ours, pets, '?read_level=index_only')).toEqual([]);
      await commit(world, 'pets');
      await ours('POST', `${pets}/add`, record('dog', 2));

      // What it answers from may be a second old.
      await expect.poll(() => idsIn(ours, pets, '?read_level=index_only')).toEqual(['cat']);
      expect(await idsIn(ours, pets)).toEqual(['cat', 'dog']);
    }));

  it('loses no read while commits land, and never goes back', () =>
    withEndpoint(async (world) => {
      const { ours } = world;
      const pets = await create(ours, 'pets');
      await ours('POST', `${pets}/add`, record('first', 0));
      let isOver = false;
      const reader = async () => {
        let last = 0;
        let version = 0;
        while (!isOver) {
          const { status, text, headers } = await ours('GET', `${pets}/count`);
          const [count, now] = [Number(text), Number(headers.get('x-compactor-version'))];
          expect(status, text).toBe(200);
          expect(count).toBeGreaterThanOrEqual(last);
          expect(now).toBeGreaterThanOrEqual(version);
          [last, version] = [count, now];
        }
        return version;
      };
      const readers = [reader(), reader(), reader()];

      for (let n = 1; n <= 12; n++) {
        const { status } = await ours('POST', `${pets}/add`, record(`pet ${n}`, n));
        expect(status).toBe(201);
        expect(Number((await ours('GET', `${pets}/count`)).text)).toBe(n + 1);
        if (n % 3 === 0) await commit(world, 'pets');
      }
      isOver = true;

      expect(Math.max(...(await Promise.all(readers)))).toBeGreaterThanOrEqual(3);
    }));

  it('opens a collection once for all who ask, and closes those that were not asked for longest', () =>
    withEndpoint(
      async (world) => {
        const { ours, another, stack } = world;
        const names = ['aaa', 'bbb', 'ccc'];
        for (const name of names) {
          await ours('POST', `${await create(ours, name)}/add`, record(name, 1));
          await commit(world, name);
        }
        const opened: string[] = [];
        const telemetry = {
          metric: () => {},
          warn: () => {},
          info: (message: string, fields: Record<string, unknown> = {}) => {
            if (message === 'A collection was opened.') opened.push(String(fields.collection));
          },
        };
        const limits = { maxServers: 2, maxShared: 4, idleMs: 600_000 };
        const { ask, endpoint } = await another({ limits }, { ...stack.ports, telemetry });
        const paths = await Promise.all(
          names.map(async (name) => {
            const { text } = await ask('POST', `${pathOf('')}`, JSON.stringify({ name, get_or_create: true }));
            return pathOf(`/${(JSON.parse(text) as { id: string }).id}`);
          }),
        );

        await Promise.all(Array.from({ length: 8 }, () => idsIn(ask, paths[0] ?? '')));
        expect(opened).toHaveLength(1);
        for (const path of paths) await idsIn(ask, path);
        expect(opened).toHaveLength(3);
        // The first was closed for the third.
        await idsIn(ask, paths[2] ?? '');
        expect(opened).toHaveLength(3);
        await idsIn(ask, paths[0] ?? '');
        expect(opened).toHaveLength(4);
        const folder = `${stack.config.workDirectory}/${await storedAs(world, 'ccc')}`;
        expect(await serversBelow(folder)).not.toEqual([]);
        await endpoint.close();
        expect(await serversBelow(folder)).toEqual([]);
      },
      { limits: { maxServers: 1, maxShared: 4, idleMs: 600_000 } },
    ));

  it('starts a server anew that was killed', () =>
    withEndpoint(async (world) => {
      const { ours, stack } = world;
      const pets = await create(ours, 'pets');
      await ours('POST', `${pets}/add`, record('cat', 1));
      await commit(world, 'pets');
      await ours('POST', `${pets}/add`, record('dog', 2));
      expect(await idsIn(ours, pets)).toEqual(['cat', 'dog']);

      const servers = await serversBelow(`${stack.config.workDirectory}/${await storedAs(world, 'pets')}`);
      for (const pid of servers) process.kill(pid, 'SIGKILL');

      expect(servers.length).toBeGreaterThan(0);
      expect(await idsIn(ours, pets)).toEqual(['cat', 'dog']);
    }));

  it('keeps settings through commits: the distance, and a key that is not to be searched', () =>
    withEndpoint(async (world) => {
      const { ours } = world;
      const { text } = await ours('POST', pathOf(''), '{"name":"model","configuration":{"hnsw":{"space":"ip"}}}');
      const schema = JSON.parse(text).schema;
      schema.keys.secret = { string: { string_inverted_index: { enabled: false, config: {} } } };
      const pets = await create(ours, 'pets', { schema });
      const body = '{"ids":["a","b"],"embeddings":[[1,2],[3,4]],"metadatas":[{"secret":"x","open":"y"},null]}';
      await ours('POST', `${pets}/add`, body);
      const ask = async () => [
        await ours('POST', `${pets}/query`, '{"query_embeddings":[[1,0]],"include":["distances"]}'),
        await ours('POST', `${pets}/get`, '{"where":{"secret":"x"}}'),
        await ours('POST', `${pets}/get`, '{"where":{"open":"y"}}'),
      ];

      const before = await ask();
      await commit(world, 'pets');
      const after = await ask();

      expect(after.map(({ text }) => canonical(text))).toEqual(before.map(({ text }) => canonical(text)));
      expect(JSON.parse(after[0]?.text ?? '').distances).toEqual([[-2, 0]]);
      expect(after[1]?.status).toBe(400);
      expect(after[0]?.headers.get('x-compactor-version')).toBe('1');
    }));
});

function pathOf(rest: string): string {
  return `${COLLECTIONS}${rest}`;
}

/** Processes on whose command line a path below the folder stands. */
async function serversBelow(folder: string): Promise<number[]> {
  const found = await processesWhere((words) => words.some((word) => word.startsWith(`${folder}/`)));
  return found.map(({ pid }) => pid);
}
