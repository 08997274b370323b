/** The ports of one invocation: each call on store, table, cache, engine and executions waits for its turn. */
import { ulid } from 'ulid';
import {
  CacheUnwritableError,
  StagingLostError,
  StoreUnavailableError,
  TableUnavailableError,
} from '../../lambdas/errors/errors.ts';
import type {
  Announcer,
  Cache,
  Engine,
  Executions,
  LockTable,
  ObjectInfo,
  ObjectStore,
  Ports,
  Settings,
  StatusTable,
  Telemetry,
} from '../../lambdas/ports.ts';
import { MEMORY_CODEC } from '../support/memory-codec.ts';
import type { MemoryDirectories } from '../support/memory-directories.ts';
import type { CallKind } from './faults.ts';
import { type DirectoryWrapper, gatedDirectories } from './gated-directory.ts';
import { gatedEngine } from './gated-engine.ts';
import type { Invocation } from './invocation.ts';

/** What stands behind all invocations of a world. */
export interface Backend {
  store: ObjectStore;
  locks: LockTable;
  statuses: StatusTable;
  engine: Engine;
  cache: Cache;
  executions: Executions;
  announcer: Announcer;
  telemetry: Telemetry;
  settings: Settings;
  wrapDirectory?: DirectoryWrapper;
}

const noStore = () => new StoreUnavailableError('The simulated store does not answer. Try again.');
const noTable = () => new TableUnavailableError('The simulated table does not answer. Try again.');
const noCache = () => new CacheUnwritableError('The simulated cache cannot be written. Try again.');
const noStaging = () => new StagingLostError('The simulated cache cannot be read. Plan again.');
const noExecutions = () => Object.assign(new Error('Rate exceeded.'), { name: 'ThrottlingException' });

/** Nobody writes over these, so that what was modified late came late. */
const LOGGED = /^deltas\/[^/]+\/0{10}/;

export function gatedPorts(invocation: Invocation, backend: Backend, directories: MemoryDirectories): Ports {
  const { world } = invocation;
  return {
    store: gatedStore(invocation, backend.store),
    locks: gatedLocks(invocation, backend.locks),
    statuses: gatedStatuses(invocation, backend.statuses),
    engine: gatedEngine(invocation, backend.engine),
    directories: gatedDirectories(directories, invocation, backend.wrapDirectory),
    cache: gatedCache(invocation, backend.cache),
    codec: MEMORY_CODEC,
    clock: {
      now: () => invocation.now(),
      monotonic: () => invocation.monotonic(),
      sleep: (ms) => invocation.sleep(ms),
      every: (ms, task) => invocation.every(ms, task),
    },
    ids: { ulid: () => ulid(invocation.now(), world.random.next), random: world.random.next },
    executions: {
      start: (name, input) => {
        const kind = { on: 'executions.start', about: name, isWrite: true, unavailable: noExecutions };
        return invocation.call(kind, () => backend.executions.start(name, input));
      },
      status: (arn) => {
        const kind = { on: 'executions.status', about: arn, isWrite: false, unavailable: noExecutions };
        return invocation.call(kind, () => backend.executions.status(arn));
      },
    },
    // Not in turns: only the oracle sees it. The invocation may still die between it and the first status.
    announcer: backend.announcer,
    telemetry: backend.telemetry,
    settings: backend.settings,
  };
}

function gatedStore(invocation: Invocation, store: ObjectStore): ObjectStore {
  const kind = (on: string, about: string, isWrite: boolean, isConditional = false): CallKind => ({
    on: `store.${on}`,
    about,
    isWrite,
    unavailable: noStore,
    ...(isConditional ? { conditional: about } : {}),
  });
  const { random, scheduler, profile } = invocation.world;
  const { pageSize } = profile;
  return {
    url: store.url,
    get: (key, options) => invocation.call(kind('get', key, false), () => store.get(key, options)),
    head: (key) => invocation.call(kind('head', key, false), () => store.head(key)),
    async *list(prefix, options) {
      // Page by page, each in its own time, as with S3: what comes in between may or may not be seen.
      const pages = store.list(prefix, { ...options, pageSize })[Symbol.asyncIterator]();
      for (;;) {
        const since = scheduler.now();
        const page: IteratorResult<ObjectInfo[]> = await invocation.call(kind('list', prefix, false), () =>
          pages.next(),
        );
        if (page.done === true) return;
        // What came while the page was made may be in it or not, each object for itself.
        yield page.value.filter(({ key, lastModified }) => {
          return !LOGGED.test(key) || lastModified <= since || random.chance(0.5);
        });
      }
    },
    putIfAbsent: (key, body, options) =>
      invocation.call(kind('putIfAbsent', key, true, true), () => store.putIfAbsent(key, body, options)),
    putIfMatch: (key, body, etag) =>
      invocation.call(kind('putIfMatch', key, true, true), () => store.putIfMatch(key, body, etag)),
    deleteIfMatch: (key, etag) =>
      invocation.call(kind('deleteIfMatch', key, true, true), () => store.deleteIfMatch(key, etag)),
    delete: (key) => invocation.call(kind('delete', key, true), () => store.delete(key)),
  };
}

function gatedLocks(invocation: Invocation, locks: LockTable): LockTable {
  const call = <Result>(on: string, isWrite: boolean, perform: () => Promise<Result>) =>
    invocation.call({ on: `locks.${on}`, isWrite, unavailable: noTable }, perform);
  return {
    readLock: (collection) => call('readLock', false, () => locks.readLock(collection)),
    acquireLock: (collection, request) => call('acquireLock', true, () => locks.acquireLock(collection, request)),
    releaseLock: (collection, holder) => call('releaseLock', true, () => locks.releaseLock(collection, holder)),
    takeClaim: (collection, request) => call('takeClaim', true, () => locks.takeClaim(collection, request)),
    renewClaim: (collection, holder, now, ms) =>
      call('renewClaim', true, () => locks.renewClaim(collection, holder, now, ms)),
    wakeClaimant: (collection, now) => call('wakeClaimant', true, () => locks.wakeClaimant(collection, now)),
    releaseClaim: (collection, holder, wake) =>
      call('releaseClaim', true, () => locks.releaseClaim(collection, holder, wake)),
  };
}

function gatedStatuses(invocation: Invocation, statuses: StatusTable): StatusTable {
  const call = <Result>(on: string, about: string, isWrite: boolean, perform: () => Promise<Result>) =>
    invocation.call({ on: `statuses.${on}`, about, isWrite, unavailable: noTable }, perform);
  return {
    tableName: statuses.tableName,
    readIdentity: () => call('readIdentity', '', false, () => statuses.readIdentity()),
    ensureIdentity: (candidate) => call('ensureIdentity', '', true, () => statuses.ensureIdentity(candidate)),
    getStatuses: (collection, ids) =>
      call('getStatuses', ids.join(','), false, () => statuses.getStatuses(collection, ids)),
    putStatus: (collection, id, status) =>
      call('putStatus', id, true, () => statuses.putStatus(collection, id, status)),
    forgetCollection: (collection) =>
      call('forgetCollection', collection, true, () => statuses.forgetCollection(collection)),
  };
}

/** Reads and staging are private or harmless, and only forget or fail; what others see waits for its turn. */
function gatedCache(invocation: Invocation, cache: Cache): Cache {
  const { random, profile } = invocation.world;
  const fails = () => !invocation.world.faultsAreOver && random.chance(profile.cacheFault);
  const call = <Result>(on: string, about: string, perform: () => Promise<Result>) =>
    invocation.call({ on: `cache.${on}`, about, isWrite: true, unavailable: noCache }, perform);
  return {
    read: async (key, range) => {
      await invocation.step();
      return fails() ? undefined : cache.read(key, range);
    },
    evict: async (key) => cache.evict(key),
    stage: async (collection, commitId) => {
      await invocation.step();
      if (fails()) throw noCache();
      const staging = await cache.stage(collection, commitId);
      return {
        append: (name, bytes) => staging.append(name, bytes),
        seal: () => call('seal', commitId, () => staging.seal()),
        abandon: () => staging.abandon(),
      };
    },
    openStaged: (collection, commitId, name) =>
      invocation.call(
        { on: 'cache.openStaged', about: `${commitId} ${name}`, isWrite: false, unavailable: noStaging },
        () => cache.openStaged(collection, commitId, name),
      ),
    adopt: (collection, commitId, name, key) => call('adopt', key, () => cache.adopt(collection, commitId, name, key)),
    discardStaged: (collection, commitId) =>
      call('discardStaged', commitId, () => cache.discardStaged(collection, commitId)),
    bytesWritten: () => cache.bytesWritten(),
    prune: (options) => call('prune', '', () => cache.prune(options)),
  };
}
