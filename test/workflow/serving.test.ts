/** Copies that serve, over memory: what an engine refuses, what closes meanwhile, and settings that change. */
import { beforeEach, describe, expect, it } from 'vitest';
import { failure } from '../../lambdas/endpoint/app.ts';
import * as errors from '../../lambdas/errors/errors.ts';
import { LogWriter } from '../../lambdas/log/append.ts';
import { RefusedLines } from '../../lambdas/serving/refused-lines.ts';
import { ServedCollection } from '../../lambdas/serving/served-collection.ts';
import { DEFAULT_LIMITS, Servings } from '../../lambdas/serving/servings.ts';
import type { ServingPorts, Settings, Target } from '../../lambdas/serving/target.ts';
import { MemoryEngine } from '../support/memory-engine.ts';
import { COLLECTION, createCollection, DIMENSION, type MemoryPorts, memoryPorts } from '../support/memory-ports.ts';
import { ScriptedApi } from '../support/scripted-api.ts';

const settingsWith = (ef: number, collection = COLLECTION): Settings => ({
  collection,
  configuration: `{"hnsw":{"space":"l2","ef_search":${ef},"resize_factor":2.0}}`,
  schema: 'null',
});
const SETTINGS = settingsWith(10);

let ports: MemoryPorts & ServingPorts;
let api: ScriptedApi;
let engine: MemoryEngine;
beforeEach(async () => {
  engine = new MemoryEngine({ refuses: ({ id }) => id.startsWith('poison') });
  api = new ScriptedApi(engine);
  ports = { ...memoryPorts(), api };
  await createCollection(ports);
});

const served = async () => {
  const server = await api.startScratch();
  return new ServedCollection(ports, SETTINGS, 'index_and_wal', async () => server);
};
const put = (...ids: string[]) =>
  new LogWriter(ports, COLLECTION).append({
    op: 'upsert',
    body: JSON.stringify({ ids, embeddings: ids.map(() => new Array(DIMENSION).fill(1)) }),
  });
const count = async ({ session }: Target) => ({ count: await session.count() });

describe('a line that the engine refuses', () => {
  it('is looked for on a copy that nobody asks, once for all who wait', async () => {
    const one = await served();
    await put('good');
    await one.ask(count);
    const inUse = engine.sessions.length;
    const replayed: string[] = [];
    const first = engine.sessions[inUse - 1];
    if (first === undefined) throw new Error('There is no copy.');
    const replay = first.replay.bind(first);
    first.replay = async (request) => {
      replayed.push(request.body);
      return replay(request);
    };
    await put('poison');
    await put('better');

    const answers = await Promise.all([one.ask(count), one.ask(count), one.ask(count)]);

    expect(answers.map((answer) => answer.count)).toEqual([2, 2, 2]);
    // Sent once, refused, and not sent again to be sure.
    expect(replayed.filter((body) => body.includes('poison'))).toHaveLength(1);
    // A copy to find it, and one without it.
    expect(engine.sessions.length - inUse).toBe(2);
  });

  it('does not end the patience with another one behind it', async () => {
    ports.settings.maxBytesPerCommit = 1;
    const one = await served();
    for (let n = 0; n < 8; n++) await put(`poison ${n}`);
    await put('good');

    expect((await one.ask(count)).count).toBe(1);
  });
});

describe('lines that were refused', () => {
  it('are forgotten when their delta is decided, or holds something else', () => {
    const line = { line: 2, id: 'a', reason: 'it is wrong' };
    const waiting = (deltaId: string, etag: string) => ({ deltaId, etag, number: undefined, key: deltaId, size: 1 });
    const refused = new RefusedLines();
    refused.add(['decided', 'overwritten', 'waits'].map((deltaId) => ({ ...line, deltaId, etag: '"1"' })));

    const left = refused.among([waiting('overwritten', '"2"'), waiting('waits', '"1"')]);
    const later = refused.among(['decided', 'overwritten', 'waits'].map((deltaId) => waiting(deltaId, '"1"')));

    expect(left.map(({ deltaId }) => deltaId)).toEqual(['waits']);
    expect(later).toEqual(left);
  });
});

describe('settings', () => {
  const efOf = (body = '') => /"ef_search":(\d+)/.exec(body)?.[1];

  it('that change while a copy is made hold for that copy', async () => {
    const server = await api.startScratch();
    const begun = Promise.withResolvers<void>();
    const mayGoOn = Promise.withResolvers<void>();
    const one = new ServedCollection(ports, SETTINGS, 'index_and_wal', async () => {
      begun.resolve();
      await mayGoOn.promise;
      return server;
    });
    const asked = one.ask(count);
    await begun.promise;

    const configured = one.configure(settingsWith(50));
    mayGoOn.resolve();
    await Promise.all([asked, configured]);

    const changes = server.requests.filter(({ method }) => method === 'PUT');
    expect(changes.map(({ body }) => efOf(body))).toEqual(['50']);
    expect(changes[0]?.body).toContain('"resize_factor":2.0');
  });

  it('that a copy does not take are those of the next one', async () => {
    const one = await served();
    await one.ask(count);
    const [server] = api.servers;
    if (server === undefined) throw new Error('There is no server.');
    server.answers = ({ method }) =>
      method === 'PUT' ? { status: 500, body: 'no', contentType: undefined } : undefined;
    const before = engine.sessions.length;

    await one.configure(settingsWith(50));
    await one.ask(count);

    expect(engine.sessions.length).toBe(before + 1);
  });
});

describe('servings', () => {
  it('close nothing that somebody is about to ask', async () => {
    const servings = new Servings(ports, { ...DEFAULT_LIMITS, maxShared: 0 });
    const ask = (name: string, answer: () => Promise<void>) =>
      servings.ask(settingsWith(10, name), 'index_and_wal', async () => ({ name, answer: await answer() }));

    // The other one asks so many turns after the first one had its answer: in one of them that one is closed as surplus.
    for (let turns = 0; turns < 40; turns++) {
      const begun = Promise.withResolvers<void>();
      const { promise, resolve } = Promise.withResolvers<void>();
      const first = ask('pets', async () => {
        begun.resolve();
        await promise;
      });
      await begun.promise;
      resolve();
      for (let n = 0; n < turns; n++) await undefined;

      await expect(
        ask('plants', async () => {}),
        `after ${turns} turns`,
      ).resolves.toMatchObject({ name: 'plants' });
      await first;
    }
    await servings.close();
  });

  it('start one server in the place of one that died, whoever sees it first', async () => {
    const servings = new Servings(ports);
    const dead = await servings.shared();
    Object.assign(dead, { isRunning: false });
    const close = dead.close.bind(dead);
    // Somebody asks as soon as the first one has seen it, before the next one has.
    const late: Array<Promise<unknown>> = [];
    dead.close = async () => {
      late.push(servings.shared());
      return close();
    };

    const found = await Promise.all([servings.shared(), servings.shared(), servings.shared()]);
    await Promise.all(late);
    await servings.close();

    expect(new Set(found).size).toBe(1);
    expect(api.servers.map(({ isClosed }) => isClosed)).toEqual(api.servers.map(() => true));
  });

  it('that are closed say that the request may be sent again', async () => {
    const servings = new Servings(ports);
    await servings.close();

    await expect(servings.shared()).rejects.toThrow(errors.EngineUnavailableError);
    await expect(servings.ask(SETTINGS, 'index_and_wal', count)).rejects.toThrow(errors.EngineUnavailableError);
  });
});

describe('a failure', () => {
  it.each([
    new errors.InboxChangedError('x'),
    new errors.ConditionalRequestConflictError('x'),
    new errors.MergeVerificationError('x'),
    new errors.EngineRunawayError('x'),
    new errors.EngineUnavailableError('x'),
    new errors.PointerMovedError('x'),
    new errors.StoreUnavailableError('x'),
    new errors.TableUnavailableError('x'),
  ])('that may pass is 503: $name', (error) => {
    expect(failure(error).status).toBe(503);
  });

  it('that stays is 500, and what a client must not ask is 400', () => {
    expect(failure(new errors.CorruptObjectError('x')).status).toBe(500);
    expect(failure(new TypeError('x')).status).toBe(500);
    expect(failure(new errors.InvalidInputError('x')).status).toBe(400);
  });
});
