/**
 * MergeDeltas: applies waiting deltas to the base, off-lock, and seals the result into staging. Nothing is published
 * here, and nothing that it leaves behind can be taken for a commit.
 */
import { type CompactionState, type Merge, NEXT } from '../../statemachine/contract.ts';
import type { Ports, WorkingDirectory } from '../ports.ts';
import { CorruptObjectError, EngineRejectedDataError, PointerMovedError } from '../protocol/errors.ts';
import { nextLedger } from '../protocol/ledger.ts';
import { deltaCap } from '../protocol/plan.ts';
import { REJECTION, rejectedWhole } from '../snapshot/delta.ts';
import { liveBytes } from '../snapshot/manifest.ts';
import { outcomes } from './apply-deltas.ts';
import { type Applied, applyToBase } from './apply-to-base.ts';
import { withHeartbeat } from './heartbeat.ts';
import { commitLimits, type InboxObservation, observeInbox } from './observe-inbox.ts';
import { type ReadDelta, readDeltas } from './read-deltas.ts';
import { isCurrent, type LoadedManifest, loadManifest } from './read-pointer.ts';
import { sealCommit } from './seal-commit.ts';

/** Replies that must blame a delta, alone in its batch, before it is rejected. */
const BLAMES_TO_REJECT = 3;
/** A directory gets room for the base, and for as much again that the engine writes before it lets go of the old. */
const ENGINE_ROOM = 2;

/**
 * @throws CorruptObjectError, InboxChangedError, EngineRejectedDataError, EngineUnavailableError, EngineTooOldError,
 * DirtyDirectoryError, MergeVerificationError, CacheUnwritableError, StoreUnavailableError, TableUnavailableError
 */
export async function mergeDeltas(ports: Ports, state: CompactionState): Promise<CompactionState> {
  return withHeartbeat(ports, state, async () => {
    const base = await loadBase(ports, state);
    const { maxDeltas, maxBytes } = commitLimits(ports.settings);
    const cap = deltaCap(Math.min(maxDeltas, state.pending), state.attempts.mergeFailures);
    const limits = { maxDeltas: cap, maxBytes };
    const inbox = await observeInbox(ports, state.collection, base.manifest.ledger, limits);
    const { dimension } = base.manifest;
    let deltas: ReadDelta[] = [];
    // Deltas that cannot be read must not keep those behind them waiting.
    for (let passed = 0; deltas.length === 0; ) {
      const batch = await inbox.batchAfter(passed, limits);
      if (batch.length === 0) return { ...state, next: NEXT.finish, merge: null };
      deltas = await readDeltas(ports, state.collection, batch, dimension, state.attempts.inboxChanges);
      passed += batch.length;
    }
    const room = ENGINE_ROOM * liveBytes(base.manifest.files) + maxBytes;
    const directory = await ports.directories.claim(state.collection, room);
    try {
      const { etag } = state.base;
      const merge = await orMoved(ports, state.collection, etag, () =>
        mergeInto(ports, directory, base, inbox, deltas),
      );
      return { ...state, next: NEXT.upload, merge, attempts: { ...state.attempts, mergeFailures: 0 } };
    } finally {
      await directory.release();
    }
  });
}

/** The base may be gone because it is history: then the plan is stale, and nothing is corrupt. */
async function loadBase(ports: Ports, { collection, base }: CompactionState): Promise<LoadedManifest> {
  return orMoved(ports, collection, base.etag, () => loadManifest(ports, base.manifest));
}

async function orMoved<Result>(
  ports: Ports,
  collection: string,
  etag: string,
  task: () => Promise<Result>,
): Promise<Result> {
  try {
    return await task();
  } catch (error) {
    if (!(error instanceof CorruptObjectError) || (await isCurrent(ports, collection, etag))) throw error;
    const message = `Version to build on of "${collection}" is no longer the current one. Rebase: plan again.`;
    throw new PointerMovedError(message, { cause: error });
  }
}

async function mergeInto(
  ports: Ports,
  directory: WorkingDirectory,
  base: LoadedManifest,
  inbox: InboxObservation,
  batch: readonly ReadDelta[],
): Promise<Merge> {
  const { manifest } = base;
  const { deltas, plan, hydration, engine, records, scanned } = await applyOrReject(ports, directory, base, batch);
  const applied = outcomes(manifest.version + 1, deltas, plan);
  const ids = new Set(inbox.inbox.map((entry) => entry.deltaId));
  const ledger = nextLedger(manifest.ledger, ids, inbox.statuses, applied);
  const sealed = await sealCommit(ports, directory, { base, scanned, engine, records, ledger });
  await directory.writeDigests(sealed.digests);
  await directory.markClean(sealed.digests);
  const rejectedOperations = applied.reduce((sum, entry) => sum + entry.rejectedOperations, 0);
  const operations = [...plan.applied.values()].reduce((sum, count) => sum + count, 0);
  ports.telemetry.info('Merged.', {
    collection: manifest.collection,
    hydratedFrom: hydration.from,
    deltas: deltas.length,
  });
  const { missingDeletes } = plan;
  return { ...sealed.merge, deltas: deltas.length, operations, rejectedOperations, missingDeletes };
}

/** Apply; a delta that is alone and is blamed again and again is rejected whole, so that it stops nobody else. */
async function applyOrReject(
  ports: Ports,
  directory: WorkingDirectory,
  base: LoadedManifest,
  deltas: readonly ReadDelta[],
): Promise<Applied> {
  for (let blames = 1; ; blames++) {
    try {
      return await applyToBase(ports, directory, base, deltas);
    } catch (error) {
      const [delta, ...others] = deltas;
      if (!(error instanceof EngineRejectedDataError) || delta === undefined || others.length > 0) throw error;
      if (blames < BLAMES_TO_REJECT) continue;
      const reason = `Chroma refuses this delta: ${error.message}`.slice(0, 1_000);
      const rejectedOperations = delta.rejectedOperations + delta.operations.length;
      const rejected = { ...delta, ...rejectedWhole(REJECTION.rejectedByEngine, reason), rejectedOperations };
      return applyToBase(ports, directory, base, [rejected]);
    }
  }
}
