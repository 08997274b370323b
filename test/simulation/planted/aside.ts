/** Bugs of setting aside. */
import { type CompactionState, MAX_ALONE_FAILURES } from '../../../statemachine/contract.ts';
import type { Plant } from './plant.ts';

/** The content of what was set aside is not kept: the write is only believed. */
export function asideForgotten(): Plant {
  return {
    store: (store) =>
      new Proxy(store, {
        get: (target, property) => {
          const value: unknown = Reflect.get(target, property, target);
          if (typeof value !== 'function') return value;
          if (property !== 'putIfAbsent') return value.bind(target);
          return async (key: string, ...rest: unknown[]) =>
            key.startsWith('aside/') ? { etag: 'none' } : value.call(target, key, ...rest);
        },
      }),
    profile: { heavy: 0.5 },
  };
}

/** One failure is enough, whatever it was of. */
export function asideAtOnce(): Plant {
  return {
    steps: {
      DiscardUpload: async (_context, state: CompactionState, real) => {
        const after = (await real(state)) as CompactionState;
        if (!after.trial || after.trial.failures === 0) return after;
        return { ...after, trial: { ...after.trial, failures: MAX_ALONE_FAILURES } };
      },
    },
    profile: { heavy: 0.5 },
  };
}
