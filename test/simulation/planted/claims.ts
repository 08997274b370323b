/** Bugs of lock and claim, and of delegating. */
import type { LockTable } from '../../../lambdas/ports.ts';
import * as lock from '../../../lambdas/protocol/lock.ts';
import { runWithPorts } from '../../../lambdas/runtime/handler.ts';
import { type CompactionState, NEXT } from '../../../statemachine/contract.ts';
import { REAL_TRANSITIONS } from '../table.ts';
import { WHEN_LEAVING } from './occasions.ts';
import type { Plant } from './plant.ts';

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
    locks: (real) =>
      bend(real, {
        releaseClaim: async (collection, holder, wake) => {
          await real.releaseClaim(collection, holder, wake);
          return true;
        },
      }),
    profile: WHEN_LEAVING,
  };
}

/** A plan leaves its deltas to whoever has the claim, the execution itself included. */
export function selfDelegation(): Plant {
  return {
    steps: {
      PlanCompaction: async ({ ports }, input, real) => {
        const state = (await real(input)) as CompactionState;
        if (state.next !== NEXT.merge) return state;
        const isWoken = await ports.locks.wakeClaimant(state.collection, ports.clock.now());
        return isWoken ? { ...state, next: NEXT.delegated, claim: null } : state;
      },
    },
    profile: { deltas: 6, maxDeltasPerCommit: 2 },
  };
}

/** A plan sees a live claim, and leaves without a word. */
export function silentDelegation(): Plant {
  return {
    steps: {
      PlanCompaction: ({ ports }, input, real) =>
        runWithPorts({ ...ports, locks: bend(ports.locks, { wakeClaimant: async () => true }) }, () => real(input)),
    },
    profile: WHEN_LEAVING,
  };
}

/** Methods of classes do not spread. */
function bend(real: LockTable, methods: Partial<LockTable>): LockTable {
  return {
    readLock: (collection) => real.readLock(collection),
    acquireLock: (collection, request) => real.acquireLock(collection, request),
    releaseLock: (collection, holder) => real.releaseLock(collection, holder),
    takeClaim: (collection, request) => real.takeClaim(collection, request),
    renewClaim: (collection, holder, now, ms) => real.renewClaim(collection, holder, now, ms),
    wakeClaimant: (collection, now) => real.wakeClaimant(collection, now),
    releaseClaim: (collection, holder, wake) => real.releaseClaim(collection, holder, wake),
    ...methods,
  };
}
