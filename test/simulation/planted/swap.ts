/** Bugs of the swap, and of cleaning up after one that seems lost. */

import { judgeOutcome } from '../../../lambdas/commit/publish.ts';
import { PointerMovedError, PreconditionFailedError } from '../../../lambdas/errors/errors.ts';
import type { ObjectStore, Ports } from '../../../lambdas/ports.ts';
import { runWithPorts } from '../../../lambdas/runtime/handler.ts';
import { parsePointerKey } from '../../../lambdas/snapshot/keys.ts';
import { readOwnPointer } from '../../../lambdas/versions/own-pointer.ts';
import type { Base, CompactionState } from '../../../statemachine/contract.ts';
import type { Plant } from './plant.ts';

const isPointer = (key: string) => parsePointerKey(key) !== undefined;

/** The write replaces whatever is there. */
export function noIfMatch(): Plant {
  const store = (real: ObjectStore): ObjectStore =>
    bend(real, {
      putIfMatch: async (key, body, etag) =>
        real.putIfMatch(key, body, isPointer(key) ? (await real.head(key)).etag : etag),
    });
  return { store };
}

/** The condition is the pointer's ETag just before the swap, not the planned one. */
export function rereadEtag(): Plant {
  return {
    steps: {
      SwapPointer: async ({ ports }, state: CompactionState, real) => {
        const { etag } = await readOwnPointer(ports, state.collection);
        return real({ ...state, base: { ...state.base, etag } });
      },
    },
  };
}

/** A 412 is believed at once, and what was uploaded is thrown away. */
export function conflictIsLoss(): Plant {
  return {
    steps: {
      SwapPointer: ({ ports }, state: CompactionState, real) => {
        const store = bend(ports.store, {
          putIfMatch: (key, body, etag) =>
            ports.store.putIfMatch(key, body, etag).catch((error: unknown) => {
              throw error instanceof PreconditionFailedError ? new PointerMovedError('Lost the race.') : error;
            }),
        });
        return runWithPorts({ ...ports, store }, () => real(state));
      },
      DiscardUpload: async ({ ports }, state: CompactionState, real) => {
        if (state.error?.Error === 'PointerMovedError') await discard(ports, state);
        return real(state);
      },
    },
  };
}

/** Whatever is not known to be committed is thrown away. */
export function discardUnknown(): Plant {
  return {
    steps: {
      DiscardUpload: async ({ ports }, state: CompactionState, real) => {
        const { base, collection, merge } = state;
        const planned = { baseVersion: base.version, baseEtag: base.etag, commitId: merge?.commitId ?? '' };
        const isCommitted = merge !== null && (await judgeOutcome(ports, collection, planned)) === 'committed';
        if (!isCommitted) await discard(ports, state);
        return real(state);
      },
    },
    // Swaps that land when nobody expects them any more.
    profile: { lateLanding: 0.15, lostRequest: 0.08, crash: 0.15, stall: 0.03, slowestStallMs: 100_000 },
  };
}

/** The new round takes the new ETag, but merges into the version that the first round planned for. */
export function rebaseKeepsPlan(): Plant {
  const first = new Map<string, Base>();
  return {
    steps: {
      PlanCompaction: async ({ execution }, input, real) => {
        const state = (await real(input)) as CompactionState;
        const base = first.get(execution);
        first.set(execution, base ?? state.base);
        return base === undefined ? state : { ...state, base: { ...state.base, manifest: base.manifest } };
      },
    },
  };
}

/** One id for all that an execution ever seals. */
export function commitIdPerExecution(): Plant {
  const ids = new Map<string, string>();
  return {
    ports: (ports, execution) => {
      const commitId = () => {
        const id = ids.get(execution) ?? ports.ids.ulid();
        ids.set(execution, id);
        return id;
      };
      return execution === '' ? ports : { ...ports, ids: { ...ports.ids, ulid: commitId } };
    },
  };
}

async function discard(ports: Ports, { merge }: CompactionState): Promise<void> {
  if (merge === null) return;
  await ports.store.delete(merge.manifest.key);
  if (merge.pack !== null) await ports.store.delete(merge.pack.key);
}

/** Methods of classes do not spread. */
export function bend(store: ObjectStore, methods: Partial<ObjectStore>): ObjectStore {
  return {
    url: store.url,
    get: (key, options) => store.get(key, options),
    head: (key) => store.head(key),
    list: (prefix, options) => store.list(prefix, options),
    putIfAbsent: (key, body, options) => store.putIfAbsent(key, body, options),
    putIfMatch: (key, body, etag) => store.putIfMatch(key, body, etag),
    deleteIfMatch: (key, etag) => store.deleteIfMatch(key, etag),
    delete: (key) => store.delete(key),
    ...methods,
  };
}
