/** Bugs of announcing commits. */

import { EVERYTHING, observeInbox } from '../../../lambdas/inbox/observe-inbox.ts';
import { statusOf } from '../../../lambdas/snapshot/ledger.ts';
import type { CompactionState } from '../../../statemachine/contract.ts';
import { currentManifest } from './merge.ts';
import type { Plant } from './plant.ts';

/** Statuses are written first: whoever dies before the event leaves no entry that anybody would announce. */
export function statusBeforeEvent(): Plant {
  return {
    steps: {
      FinishCompaction: async ({ ports }, state: CompactionState, real) => {
        const manifest = await currentManifest(ports, state.collection);
        const { unreported } = await observeInbox(ports, state.collection, manifest, EVERYTHING);
        for (const entry of unreported) {
          await ports.statuses.putStatus(state.collection, entry.deltaId, statusOf(entry));
        }
        return real(state);
      },
    },
    lookFor: /before any event told of it/,
  };
}
