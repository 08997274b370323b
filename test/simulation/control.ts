/**
 * The control: the predecessor's protocol in the same worlds. One Lambda takes the lock, works, checks that it still has
 * the lock, and writes the pointer unconditionally. Between check and write the lock may expire.
 */

import { mergeDeltas } from '../../lambdas/compaction/merge-deltas.ts';
import { planCompaction } from '../../lambdas/compaction/plan-compaction.ts';
import { settleDeltas } from '../../lambdas/compaction/settle-deltas.ts';
import { uploadSnapshot } from '../../lambdas/compaction/upload-snapshot.ts';
import { LockHeldError } from '../../lambdas/errors/errors.ts';
import { listInbox } from '../../lambdas/inbox/list-inbox.ts';
import type { ObjectStore, Ports } from '../../lambdas/ports.ts';
import { encodePointer } from '../../lambdas/protocol/pointer.ts';
import { pointerKey } from '../../lambdas/snapshot/keys.ts';
import { loadCurrentBeside } from '../../lambdas/versions/load-current.ts';
import { readOwnPointer } from '../../lambdas/versions/own-pointer.ts';
import { type CompactionState, NEXT, type PlanInput } from '../../statemachine/contract.ts';
import type { Plant } from './planted/plant.ts';

/** Stands in the place of PlanCompaction and leaves nothing to do for the states after it. */
export function predecessor(): Plant {
  return {
    store: unconditionalPointers,
    steps: { PlanCompaction: ({ ports }, input: PlanInput) => compact(ports, input) },
    // It had no garbage collection, and what is shown is not that it strands deltas as well.
    profile: { garbageRuns: 0, poison: 0, heavy: 0, stall: 0.04, slowestStallMs: 100_000 },
    lookFor: /an update is lost/,
  };
}

async function compact(ports: Ports, input: PlanInput): Promise<CompactionState> {
  const { collection } = input.input as { collection: string };
  const owner = input.execution;
  const { token } = await acquire(ports, collection, owner);
  const holder = { owner, token };
  try {
    const planned = await planCompaction(ports, input);
    const merged = planned.pending > 0 ? await mergeDeltas(ports, planned) : planned;
    if (merged.merge !== null) {
      await uploadSnapshot(ports, merged);
      const item = await ports.locks.readLock(collection);
      if (item?.owner !== owner || (item.expiresAt ?? 0) <= ports.clock.now()) throw held(collection);
      const { pointer } = await readOwnPointer(ports, collection);
      const { commitId, manifest, records } = merged.merge;
      const next = {
        ...pointer,
        version: planned.base.version + 1,
        commitId,
        manifest,
        records,
        token,
        execution: owner,
      };
      await ports.store.putIfMatch(pointerKey(collection), encodePointer(next), 'any');
    }
    const [{ manifest }, inbox] = await loadCurrentBeside(ports, collection, () => listInbox(ports, collection));
    await settleDeltas(ports, manifest, inbox, false, ports.clock.monotonic());
    return { ...planned, next: NEXT.nothing };
  } finally {
    await ports.locks.releaseLock(collection, holder);
  }
}

async function acquire(ports: Ports, collection: string, owner: string): Promise<{ token: number }> {
  const request = { owner, phase: 'swap' as const, durationMs: ports.settings.lockDurationMs };
  for (let attempt = 0; ; attempt++) {
    const { pointer } = await readOwnPointer(ports, collection);
    try {
      return await ports.locks.acquireLock(collection, {
        ...request,
        pointerToken: pointer.token,
        now: ports.clock.now(),
      });
    } catch (error) {
      if (!(error instanceof LockHeldError) || attempt >= 20) throw error;
      await ports.clock.sleep(2_000);
    }
  }
}

function held(collection: string): LockHeldError {
  return new LockHeldError(collection, 'somebody else', 0);
}

/** What an unconditional PUT does. */
function unconditionalPointers(real: ObjectStore): ObjectStore {
  return {
    url: real.url,
    get: (key, options) => real.get(key, options),
    head: (key) => real.head(key),
    list: (prefix, options) => real.list(prefix, options),
    putIfAbsent: (key, body, options) => real.putIfAbsent(key, body, options),
    putIfMatch: async (key, body, etag) =>
      real.putIfMatch(key, body, etag === 'any' ? (await real.head(key)).etag : etag),
    deleteIfMatch: (key, etag) => real.deleteIfMatch(key, etag),
    delete: (key) => real.delete(key),
  };
}
