/** Bugs of the merge: a copy of MergeDeltas, made of the same parts, in which one of them can be bent. */

import { scan } from '../../../lambdas/commit/scan.ts';
import { sealCommit } from '../../../lambdas/commit/seal-commit.ts';
import { listInbox } from '../../../lambdas/inbox/list-inbox.ts';
import { commitLimits, EVERYTHING, observeInbox } from '../../../lambdas/inbox/observe-inbox.ts';
import { readDeltas } from '../../../lambdas/inbox/read-deltas.ts';
import { applyDeltas, outcomes } from '../../../lambdas/merge/apply-deltas.ts';
import type { Ports } from '../../../lambdas/ports.ts';
import { nextLedger } from '../../../lambdas/protocol/ledger.ts';
import { plan, selectBatch } from '../../../lambdas/protocol/plan.ts';
import { rejectionKey } from '../../../lambdas/snapshot/keys.ts';
import type { DeltaStatus, LedgerEntry } from '../../../lambdas/snapshot/ledger.ts';
import type { Manifest } from '../../../lambdas/snapshot/manifest.ts';
import { hydrate } from '../../../lambdas/versions/hydrate.ts';
import { loadManifest } from '../../../lambdas/versions/load-manifest.ts';
import { readOwnPointer } from '../../../lambdas/versions/own-pointer.ts';
import type { CompactionState } from '../../../statemachine/contract.ts';
import type { Plant } from './plant.ts';

/** The copy cannot do everything that MergeDeltas can. */
export const GENTLE = { poison: 0, heavy: 0, rot: 0, badWrites: 0, endpoints: 0 } as const;
const UNDISTURBED = {
  ...{ crash: 0, finishCrash: 0, stops: 0, stall: 0, lostRequest: 0, lostResponse: 0, lateLanding: 0 },
  ...{ resend: 0.7, duplicate: 0.7 },
};

interface Bent {
  /** The base's ledger, as the plan sees it. */
  seen?: (ledger: readonly LedgerEntry[]) => readonly LedgerEntry[];
  /** The base's ledger, as it is carried on. */
  carried?: (ledger: readonly LedgerEntry[]) => readonly LedgerEntry[];
  statuses?: ReadonlyMap<string, DeltaStatus> | undefined;
}

export async function bentMerge(ports: Ports, state: CompactionState, bent: Bent): Promise<CompactionState> {
  const { seen = (ledger) => ledger, carried = (ledger) => ledger } = bent;
  const base = await loadManifest(ports, state.base.manifest);
  const { manifest } = base;
  const observed = await observeInbox(ports, state.collection, manifest, EVERYTHING);
  const statuses = bent.statuses ?? observed.statuses;
  const { pending } = plan(seen(manifest.ledger), observed.inbox, statuses);
  const batch = selectBatch(pending, commitLimits(ports.settings));
  const deltas = await readDeltas(ports, state.collection, batch, manifest.dimension, state.attempts.rebases);
  if (deltas.length === 0) return { ...state, next: 'finish', merge: null };
  const directory = await ports.directories.claim(state.collection);
  try {
    const { digests } = await hydrate(ports, directory, base);
    const session = await ports.engine.open(directory);
    const merged = await applyDeltas(session, manifest, deltas).finally(() => session.close());
    const { migrations } = await ports.engine.inspect(directory, state.collection);
    const applied = outcomes(manifest.version + 1, deltas, merged);
    const ids = new Set(observed.inbox.map((entry) => entry.deltaId));
    const ledger = nextLedger(carried(manifest.ledger), ids, observed.statuses, applied);
    const records = manifest.records + merged.growth;
    const engine = { name: 'model', version: '1.0.0', migrations };
    const scanned = await scan(directory, digests);
    const sealed = await sealCommit(ports, directory, { base, scanned, engine, records, ledger });
    await directory.writeDigests(sealed.digests);
    await directory.markClean(sealed.digests);
    const counts = { deltas: deltas.length, operations: 0, rejectedOperations: 0, missingDeletes: 0, setAside: 0 };
    return { ...state, next: 'upload', merge: { ...sealed.merge, ...counts } };
  } finally {
    await directory.release();
  }
}

/** Nobody looks what the base contains already. */
export function ledgerForgotten(): Plant {
  return {
    steps: { MergeDeltas: ({ ports }, state) => bentMerge(ports, state, { seen: () => [], carried: () => [] }) },
    profile: GENTLE,
  };
}

/** The next commit carries nothing on, settled or not. */
export function ledgerDropped(): Plant {
  return {
    steps: { MergeDeltas: ({ ports }, state) => bentMerge(ports, state, { carried: () => [] }) },
    profile: GENTLE,
  };
}

/** Statuses are read once, before the first plan's pointer, and MergeDeltas takes those. */
export function earlyStatuses(): Plant {
  const read = new Map<string, ReadonlyMap<string, DeltaStatus>>();
  return {
    steps: {
      PlanCompaction: async ({ ports, execution }, input: { input: { collection: string } }, real) => {
        const { collection } = input.input;
        const ids = (await listInbox(ports, collection)).map(({ deltaId }) => deltaId);
        if (!read.has(execution)) read.set(execution, await ports.statuses.getStatuses(collection, ids));
        return real(input);
      },
      MergeDeltas: ({ ports, execution }, state) => bentMerge(ports, state, { statuses: read.get(execution) }),
    },
    // One execution makes several commits, and settled deltas come again meanwhile.
    profile: { ...GENTLE, ...UNDISTURBED, deltas: 6, maxDeltasPerCommit: 2, paceMs: 15_000, latencyMs: 800 },
  };
}

/** Producers are told of rejections as soon as they are known, and not when they are decided. */
export function earlyReport(): Plant {
  return {
    steps: {
      MergeDeltas: async ({ ports }, state: CompactionState, real) => {
        const merged = (await real(state)) as CompactionState;
        if (merged.merge === null) return merged;
        const { collection } = state;
        const staged = await ports.cache.openStaged(collection, merged.merge.commitId, 'manifest');
        const chunks: Uint8Array[] = [];
        for await (const chunk of staged.stream()) chunks.push(chunk);
        const { ledger, version } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Manifest;
        for (const entry of ledger) {
          if (entry.version !== version || entry.rejectedOperations === 0) continue;
          const { deltaId, outcome, rejectedOperations, rejections = [], sha256 } = entry;
          const body = { deltaId, sha256, outcome, version, rejectedOperations, rejections };
          const bytes = Buffer.from(`${JSON.stringify(body, null, 2)}\n`);
          await ports.store.putIfAbsent(rejectionKey(collection, deltaId), bytes).catch(() => {});
        }
        return merged;
      },
    },
  };
}

/** For bugs that need the current manifest. */
export async function currentManifest(ports: Ports, collection: string): Promise<Manifest> {
  const { pointer } = await readOwnPointer(ports, collection);
  return (await loadManifest(ports, pointer.manifest)).manifest;
}
