/** Bugs of settling, and of working directories. */

import { EVERYTHING, observeInbox } from '../../../lambdas/inbox/observe-inbox.ts';
import { sha256 } from '../../../lambdas/snapshot/blocks.ts';
import type { CompactionState } from '../../../statemachine/contract.ts';
import { bentMerge, currentManifest, GENTLE } from './merge.ts';
import type { Plant } from './plant.ts';

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
