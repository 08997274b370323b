/** Engines and servers of one invocation: what changes them, and what is asked of a copy, waits for its turn. */
import { EngineUnavailableError } from '../../lambdas/errors/errors.ts';
import type { ApiAnswer, ApiEngine, ApiRequest, ApiServer, Engine, EngineSession } from '../../lambdas/ports.ts';
import type { MemoryApiEngine, MemoryApiServer } from '../support/model-api.ts';
import type { Invocation } from './invocation.ts';
import { writeIn } from './log-writes.ts';

/** What a server tells the oracle, and no client reads. */
export interface Confession {
  /** Writes that were replayed on the copy, in order. */
  replayed: readonly number[];
  /** The copy was changed between the question and its answer. */
  isChanged: boolean;
}

const noEngine = () => new EngineUnavailableError('The simulated engine does not answer. Try again.');

function gate(invocation: Invocation) {
  return <Result>(on: string, perform: () => Promise<Result>) =>
    invocation.call({ on: `engine.${on}`, isWrite: false, isLocal: true, unavailable: noEngine }, perform);
}

export function gatedEngine(invocation: Invocation, engine: Engine): Engine {
  const call = gate(invocation);
  return {
    writtenAtStart: engine.writtenAtStart,
    identify: () => engine.identify(),
    open: async (directory, options) =>
      gatedSession(invocation, await call('open', () => engine.open(directory, options))),
    inspect: (directory, collection, options) => engine.inspect(directory, collection, options),
    measureWaste: (directory, collection) => engine.measureWaste(directory, collection),
    vacuum: (directory, collection, shape) => call('vacuum', () => engine.vacuum(directory, collection, shape)),
    isAsNew: (directory, collection, shape) => call('isAsNew', () => engine.isAsNew(directory, collection, shape)),
  };
}

function gatedSession(invocation: Invocation, session: EngineSession): EngineSession {
  const call = gate(invocation);
  return {
    useCollection: (name, options) => session.useCollection(name, options),
    measureSpace: (name) => session.measureSpace(name),
    count: () => session.count(),
    existing: (ids) => session.existing(ids),
    upsert: (records) => call('upsert', () => session.upsert(records)),
    update: (records) => call('update', () => session.update(records)),
    remove: (ids) => call('remove', () => session.remove(ids)),
    replay: (request) => call('replay', () => session.replay(request)),
    get: (ids) => session.get(ids),
    visitEmbeddings: (visit) => session.visitEmbeddings(visit),
    query: (embedding, limit, filter) => session.query(embedding, limit, filter),
    find: (page) => session.find(page),
    get isRunning() {
      return session.isRunning;
    },
    close: () => session.close(),
  };
}

/** Servers of an endpoint, which die now and then. */
export function gatedApi(invocation: Invocation, api: MemoryApiEngine): ApiEngine {
  const call = gate(invocation);
  return {
    identify: () => api.identify(),
    startScratch: async () => gatedServer(invocation, await call('startScratch', () => api.startScratch())),
    serve: async (directory) => gatedServer(invocation, await call('serve', () => api.serve(directory))),
  };
}

function gatedServer(invocation: Invocation, server: MemoryApiServer): ApiServer {
  const call = gate(invocation);
  const { world } = invocation;
  return {
    get isRunning() {
      return server.isRunning;
    },
    send: async (request) => {
      // What is tried on a server is its own matter: a place to die, and no more.
      await invocation.step();
      if (!request.path.includes('/get?')) return server.send(request);
      if (!world.faultsAreOver && world.random.chance(world.profile.serverDeath)) {
        world.counts.serverDeaths++;
        world.scheduler.note(`a server of ${invocation.name} dies`);
        server.die();
      }
      const { changes } = server.historyOf(request.path);
      return call('get', () => confess(server, request, changes));
    },
    session: () => gatedSession(invocation, server.session()),
    close: () => server.close(),
  };
}

/** The answer, and beside it what the oracle may know. @param changes Of the copy, when it was asked. */
async function confess(server: MemoryApiServer, request: ApiRequest, changes: number): Promise<ApiAnswer> {
  const answer = await server.send(request);
  if (answer.status !== 200) return answer;
  const history = server.historyOf(request.path);
  const replayed = history.replayed.map(({ body }) => writeIn(body));
  const confession: Confession = { replayed, isChanged: history.changes !== changes };
  return { ...answer, body: `${answer.body.slice(0, -1)},"confession":${JSON.stringify(confession)}}` };
}
