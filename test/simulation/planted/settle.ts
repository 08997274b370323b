/** Bugs of settling, and of working directories. */

import { EVERYTHING, observeInbox } from '../../../lambdas/inbox/observe-inbox.ts';
import type { ObjectStore } from '../../../lambdas/ports.ts';
import { sha256 } from '../../../lambdas/snapshot/blocks.ts';
import { deltaKey, inboxPrefix, parsePointerKey } from '../../../lambdas/snapshot/keys.ts';
import { loadManifest } from '../../../lambdas/versions/load-manifest.ts';
import { readPointer } from '../../../lambdas/versions/read-pointer.ts';
import type { CompactionState } from '../../../statemachine/contract.ts';
import { bentMerge, currentManifest, GENTLE } from './merge.ts';
import type { Plant } from './plant.ts';
import { bend } from './swap.ts';

/** What the ledger decided leaves the inbox first, and gets its status afterwards. */
export function statusAfterDelete(): Plant {
  return {
    steps: {
      FinishCompaction: async ({ ports }, state: CompactionState, real) => {
        const manifest = await currentManifest(ports, state.collection);
        const { ledger } = manifest;
        const { decided } = await observeInbox(ports, state.collection, manifest, EVERYTHING);
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
        const manifest = await currentManifest(ports, state.collection);
        const { decided, statuses } = await observeInbox(ports, state.collection, manifest, EVERYTHING);
        for (const entry of decided) {
          if (statuses.has(entry.deltaId)) await ports.store.deleteIfMatch(entry.key, entry.etag);
        }
        return real(state);
      },
    },
    profile: { reuse: 0.6, overwrite: 0.4 },
  };
}

/** What a swap decides leaves the inbox with it, as if by somebody for whom nothing takes time. */
export function deletedAtOnce(): Plant {
  const store = (real: ObjectStore): ObjectStore =>
    bend(real, {
      putIfMatch: async (key, body, etag) => {
        const done = await real.putIfMatch(key, body, etag);
        const { collection } = parsePointerKey(key) ?? {};
        if (collection === undefined) return done;
        const { pointer } = await readPointer({ store: real }, collection);
        const { manifest } = await loadManifest({ store: real }, pointer.manifest);
        const decided = new Set(manifest.ledger.map(({ deltaId }) => deltaKey(collection, deltaId)));
        for await (const page of real.list(inboxPrefix(collection))) {
          for (const found of page) if (decided.has(found.key)) await real.deleteIfMatch(found.key, found.etag);
        }
        return done;
      },
    });
  return {
    store,
    profile: { endpoints: 3, logWrites: 14, paceMs: 400, latencyMs: 20, deltas: 1, endpointCrash: 0, nameDeeds: 0 },
    lookFor: /does not show write|sent before it/,
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

/** The mark stays on while the directory is written to, and a merge believes it: nothing is compared beforehand. */
export function dirtyReused(): Plant {
  return {
    steps: { MergeDeltas: ({ ports }, state: CompactionState) => bentMerge(ports, state, {}) },
    wrapDirectory: (directory) =>
      new Proxy(directory, {
        get: (target, property) => {
          if (property === 'markDirty') return async () => {};
          const value: unknown = Reflect.get(target, property, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
    profile: { ...GENTLE, crash: 0.15 },
    // A journal behind a clean mark: the engine refuses the directory, and nobody hydrates it again.
    lookFor: /its content is wrong|cannot be read whole|found a retained object damaged|does not come to rest/,
  };
}
