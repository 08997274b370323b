/** Bugs of settling, of the claim and lock, of working directories and of garbage collection. */
import type { Ports } from '../../../lambdas/ports.ts';
import * as lock from '../../../lambdas/protocol/lock.ts';
import { encodePointer } from '../../../lambdas/protocol/pointer.ts';
import { fencedPointer, oldestRetained, sortListed } from '../../../lambdas/protocol/retention.ts';
import { sha256 } from '../../../lambdas/snapshot/blocks.ts';
import { manifestsPrefix, packsPrefix, pointerKey } from '../../../lambdas/snapshot/keys.ts';
import { observeInbox } from '../../../lambdas/steps/observe-inbox.ts';
import { reachableKeys, walkRetained } from '../../../lambdas/steps/reachability.ts';
import { readOwnPointer } from '../../../lambdas/steps/read-pointer.ts';
import { listCollections } from '../../../lambdas/steps/sweep-collections.ts';
import type { CompactionState } from '../../../statemachine/contract.ts';
import { REAL_TRANSITIONS } from '../table.ts';
import { currentManifest } from './merge.ts';
import type { Plant } from './plant.ts';

/** What the ledger decided leaves the inbox first, and gets its status afterwards. */
export function statusAfterDelete(): Plant {
  return {
    steps: {
      FinishCompaction: async ({ ports }, state: CompactionState, real) => {
        const { ledger } = await currentManifest(ports, state.collection);
        const { decided } = await observeInbox(ports, state.collection, ledger);
        for (const entry of decided) {
          const found = await ports.store.get(entry.key);
          const isSame = ledger.some(
            ({ deltaId, ...own }) => deltaId === entry.deltaId && own.sha256 === sha256(found.body),
          );
          if (isSame) await ports.store.deleteIfMatch(entry.key, found.etag);
        }
        return real(state);
      },
    },
  };
}

/** Whatever stands under a decided id goes. */
export function deleteUncompared(): Plant {
  return {
    steps: {
      FinishCompaction: async ({ ports }, state: CompactionState, real) => {
        const { ledger } = await currentManifest(ports, state.collection);
        const { decided, statuses } = await observeInbox(ports, state.collection, ledger);
        for (const entry of decided) {
          if (statuses.has(entry.deltaId)) await ports.store.deleteIfMatch(entry.key, entry.etag);
        }
        return real(state);
      },
    },
    profile: { reuse: 0.6, overwrite: 0.4 },
  };
}

/** An execution with nothing to merge and no claim leaves everything as it is. */
export function leftoversForgotten(): Plant {
  return {
    steps: {
      PlanCompaction: async (_context, input, real) => {
        const state = (await real(input)) as CompactionState;
        return state.next === 'finish' && state.claim === null ? { ...state, next: 'nothing' } : state;
      },
    },
    profile: { finishCrash: 0.7 },
  };
}

/** Claimants that are suspended between their last look and the release, and nothing else to excuse a stranded delta. */
const WHEN_LEAVING = {
  ...{ collections: ['books'], deltas: 6, maxDeltasPerCommit: 500, paceMs: 30_000, latencyMs: 20, pageSize: 1_000 },
  ...{ stall: 0.06, slowestStallMs: 60_000, lostRequest: 0, lostResponse: 0, lateLanding: 0, cacheFault: 0 },
  ...{ crash: 0, finishCrash: 0, stops: 0, lockDeletions: 0, skewedClock: 0, frozenClock: 0 },
};

export function heartbeatSteals(): Plant {
  const renewClaim: typeof lock.renewClaim = (item, holder, now, durationMs) => {
    if (item === undefined) return { ok: false, refusal: 'not-claimed' };
    const mine = { claimOwner: holder.owner, claimToken: holder.token, claimExpiresAt: now + durationMs };
    return { ok: true, item: { ...item, ...mine }, value: undefined };
  };
  return { transitions: { ...REAL_TRANSITIONS, renewClaim }, profile: { stall: 0.05, slowestStallMs: 1_000_000 } };
}

export function releaseDeletesItem(): Plant {
  const releaseLock: typeof lock.releaseLock = (item, holder) => {
    const verdict = lock.releaseLock(item, holder);
    return verdict.ok ? { ...verdict, item: {} as lock.LockItem } : verdict;
  };
  return { transitions: { ...REAL_TRANSITIONS, releaseLock } };
}

export function wakeIgnored(): Plant {
  const releaseClaim: typeof lock.releaseClaim = (item, holder) => lock.releaseClaim(item, holder);
  return { transitions: { ...REAL_TRANSITIONS, releaseClaim }, profile: WHEN_LEAVING };
}

export function claimWithoutLock(): Plant {
  const takeClaim: typeof lock.takeClaim = (item, { holder, now, durationMs }) => {
    if (lock.isClaimLive(item, now) && item?.claimOwner !== holder.owner) return { ok: false, refusal: 'claimed' };
    const mine = { claimOwner: holder.owner, claimToken: holder.token, claimExpiresAt: now + durationMs };
    const next: lock.LockItem = { token: holder.token, ...item, ...mine, wake: item?.wake ?? 0 };
    return { ok: true, item: next, value: { token: holder.token } };
  };
  return { transitions: { ...REAL_TRANSITIONS, takeClaim }, profile: { lockDeletions: 4 } };
}

/** Refused or not: the claim is taken as let go. */
export function refusalIgnored(): Plant {
  return {
    locks: (real) => ({
      readLock: (collection) => real.readLock(collection),
      acquireLock: (collection, request) => real.acquireLock(collection, request),
      releaseLock: (collection, holder) => real.releaseLock(collection, holder),
      takeClaim: (collection, request) => real.takeClaim(collection, request),
      renewClaim: (collection, holder, now, ms) => real.renewClaim(collection, holder, now, ms),
      wakeClaimant: (collection, now) => real.wakeClaimant(collection, now),
      releaseClaim: async (collection, holder, wake) => {
        await real.releaseClaim(collection, holder, wake);
        return true;
      },
    }),
    profile: WHEN_LEAVING,
  };
}

/** The mark stays on while the directory is written to. */
export function dirtyReused(): Plant {
  return {
    wrapDirectory: (directory) =>
      new Proxy(directory, {
        get: (target, property) => {
          if (property === 'markDirty') return async () => {};
          const value: unknown = Reflect.get(target, property, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
    profile: { crash: 0.15 },
  };
}

const WHEN_COLLECTING = { garbageRuns: 3, retainVersions: 1, stall: 0.02, slowestStallMs: 10_000 } as const;

/** What the pointer does not reach is deleted, and swaps on their way are not stopped. */
export function unfencedCollection(): Plant {
  const collect = async (ports: Ports, collection: string) => {
    const listed = await listAll(ports, collection);
    const { pointer } = await readOwnPointer(ports, collection);
    await deleteUnreachable(ports, { ...pointer }, listed);
  };
  return { steps: { CollectGarbage: ({ ports }) => eachCollection(ports, collect) }, profile: WHEN_COLLECTING };
}

/** The fence comes first, and what is uploaded behind it counts as garbage. */
export function listedAfterFence(): Plant {
  const collect = async (ports: Ports, collection: string) => {
    const { pointer, etag } = await readOwnPointer(ports, collection);
    const versions = await walkRetained(ports, pointer, new Map());
    const retainedFrom = oldestRetained(versions, pointer.retainedFrom, ports.settings, ports.clock.now());
    const fenced = fencedPointer(pointer, ports.ids.commitId(), retainedFrom);
    await ports.store.putIfMatch(pointerKey(collection), encodePointer(fenced), etag);
    await deleteUnreachable(ports, fenced, await listAll(ports, collection));
  };
  return { steps: { CollectGarbage: ({ ports }) => eachCollection(ports, collect) }, profile: WHEN_COLLECTING };
}

async function eachCollection(
  ports: Ports,
  collect: (ports: Ports, collection: string) => Promise<void>,
): Promise<void> {
  for (const collection of await listCollections(ports)) await collect(ports, collection);
}

async function listAll(ports: Ports, collection: string): Promise<Array<{ key: string; size: number }>> {
  const listed: Array<{ key: string; size: number }> = [];
  for (const prefix of [manifestsPrefix(collection), packsPrefix(collection)]) {
    for await (const page of ports.store.list(prefix)) listed.push(...page);
  }
  return listed;
}

async function deleteUnreachable(
  ports: Ports,
  pointer: Awaited<ReturnType<typeof readOwnPointer>>['pointer'],
  listed: Array<{ key: string; size: number }>,
): Promise<void> {
  const versions = await walkRetained(ports, pointer, new Map());
  for (const { key } of sortListed(listed, reachableKeys(versions, pointer.retainedFrom)).garbage) {
    await ports.store.delete(key);
  }
}
