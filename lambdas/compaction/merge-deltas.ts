/**
 * MergeDeltas: applies waiting deltas to the base, vacuums or defragments it, without the lock, and seals the result into
 * staging.
 * It publishes nothing, and nothing that it leaves behind can be mistaken for a commit.
 */

import { type CompactionState, type Horizon, type Merge, NEXT } from '../../statemachine/contract.ts';
import { sealCommit } from '../commit/seal-commit.ts';
import { EngineRejectedDataError, EngineRunawayError } from '../errors/errors.ts';
import { commitLimits, type InboxObservation, observeInbox } from '../inbox/observe-inbox.ts';
import { isOfLog, operationsLeft, type ReadDelta, readDeltas, withoutRefused } from '../inbox/read-deltas.ts';
import { outcomes } from '../merge/apply-deltas.ts';
import { type Applied, mergeOntoBase } from '../merge/merge-onto-base.ts';
import { isExhausted, proveEngine, readTrial } from '../merge/try-alone.ts';
import { type Renewed, renew, type VacuumRequest } from '../merge/vacuum.ts';
import type { Ports, WorkingDirectory } from '../ports.ts';
import { nextLedger } from '../protocol/ledger.ts';
import { type BatchLimits, deltaCap } from '../protocol/plan.ts';
import { MAX_AUTOMATIC_BYTES } from '../protocol/vacuum.ts';
import { isSetAside } from '../snapshot/aside.ts';
import { rejectedWhole } from '../snapshot/delta.ts';
import { numberIn } from '../snapshot/log-number.ts';
import { liveBytes } from '../snapshot/manifest.ts';
import { REJECTION } from '../snapshot/operation.ts';
import { isFragmented } from '../snapshot/rewrite.ts';
import { type LoadedManifest, loadManifest } from '../versions/load-manifest.ts';
import { whileCurrent } from '../versions/while-current.ts';
import { withHeartbeat } from './heartbeat.ts';

/** How often the engine must blame a delta, alone in its batch, before it is rejected. */
const BLAMES_TO_REJECT = 3;
/** Room for the base, and for as much again, which the engine writes before it frees the old. */
const ENGINE_ROOM = 2;
/** A vacuum rewrites the database and the index, which it builds beside a log of all vectors. */
const VACUUM_ROOM = 3;

/**
 * @throws CorruptObjectError, InboxChangedError, EngineRejectedDataError, EngineUnavailableError, EngineTooOldError,
 * EngineRunawayError, DirtyDirectoryError, MergeVerificationError, CacheUnwritableError, StoreUnavailableError,
 * TableUnavailableError
 */
export async function mergeDeltas(ports: Ports, state: CompactionState): Promise<CompactionState> {
  return withHeartbeat(ports, state, async () => {
    const base = await loadBase(ports, state);
    const { maxDeltas, maxBytes } = commitLimits(ports.settings);
    const cap = deltaCap(Math.min(maxDeltas, state.pending), state.attempts.mergeFailures);
    const limits = { maxDeltas: cap, maxBytes };
    const { dimension } = base.manifest;
    // A requested vacuum is a commit of its own, so that no delta is blamed for its failures.
    const isAsked = state.vacuum === true;
    const look = (horizon?: Horizon) => observeInbox(ports, state.collection, base.manifest, limits, horizon);
    let inbox = await look(state.horizons?.[0]);
    let deltas = isAsked ? [] : await readBatch(ports, state, inbox, limits, dimension);
    if (deltas.length === 0 && inbox.horizon !== undefined) {
      inbox = await look();
      deltas = await readBatch(ports, state, inbox, limits, dimension);
    }
    // The plan found nothing that waits, and neither did we: then this is what it is for.
    const isIdle = state.pending === 0 && deltas.length === 0 && !isAsked;
    const defragment = isIdle && isFragmented(base.manifest, ports.settings.scale);
    if (deltas.length === 0 && !isAsked && !defragment) return { ...state, next: NEXT.finish, merge: null };
    const bytes = liveBytes(base.manifest.files);
    const room = (isAsked || bytes <= MAX_AUTOMATIC_BYTES ? VACUUM_ROOM : ENGINE_ROOM) * bytes + maxBytes;
    const directory = await ports.directories.claim(state.collection, room);
    try {
      const { etag } = state.base;
      const merge = await whileCurrent(ports, state.collection, etag, async () => {
        if (isExhausted(state.trial)) await proveEngine(ports, directory, base);
        // If a merge has failed, the vacuum may have been the cause.
        const isAllowed = state.attempts.mergeFailures === 0 && !state.trial && !defragment;
        return mergeInto(ports, directory, base, { inbox, batch: deltas, vacuum: { isAsked, isAllowed }, defragment });
      });
      return { ...state, next: NEXT.upload, merge, trial: null, attempts: { ...state.attempts, mergeFailures: 0 } };
    } catch (error) {
      // It may have filled most of the disk, which other collections share.
      if (error instanceof EngineRunawayError) await directory.clear();
      throw error;
    } finally {
      await directory.release();
    }
  });
}

/** The delta that must be merged alone, or the oldest readable ones; empty if there are no more. */
async function readBatch(
  ports: Ports,
  { collection, trial, attempts }: CompactionState,
  inbox: InboxObservation,
  limits: BatchLimits,
  dimension: number,
): Promise<ReadDelta[]> {
  if (trial) return [await readTrial(ports, collection, inbox, trial, dimension)];
  // Unreadable deltas must not block those behind them, except in the log, where no write overtakes another.
  let isLogBlocked = false;
  for (let passed = 0; ; ) {
    const batch = await inbox.batchAfter(passed, limits);
    if (batch.length === 0) return [];
    const deltas = await readDeltas(ports, collection, batch, dimension, attempts.inboxChanges, isLogBlocked);
    if (deltas.length > 0) return deltas;
    isLogBlocked ||= batch.some(isOfLog);
    passed += batch.length;
  }
}

/** If the base is gone because it was collected, the plan is stale and nothing is corrupt. */
async function loadBase(ports: Ports, { collection, base }: CompactionState): Promise<LoadedManifest> {
  return whileCurrent(ports, collection, base.etag, () => loadManifest(ports, base.manifest));
}

interface Work {
  inbox: InboxObservation;
  batch: readonly ReadDelta[];
  vacuum: VacuumRequest;
  defragment: boolean;
}

async function mergeInto(
  ports: Ports,
  directory: WorkingDirectory,
  base: LoadedManifest,
  { inbox, batch, vacuum, defragment }: Work,
): Promise<Merge> {
  const { manifest } = base;
  const { deltas, plan, hydration, records, ...rest } = await applyAndRenew(ports, directory, base, batch, vacuum);
  const { engine, scanned, vacuumed } = rest;
  const applied = outcomes(manifest.version + 1, deltas, plan);
  const ledger = nextLedger(manifest.ledger, inbox.mayHold(manifest.ledger), inbox.statuses, applied);
  if (defragment) ports.telemetry.info('Defragmenting.', { collection: manifest.collection });
  const sealed = await sealCommit(ports, directory, { base, scanned, defragment, engine, records, ledger });
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
  const setAside = applied.filter(isSetAside).length;
  const counts = { deltas: deltas.length, operations, rejectedOperations, missingDeletes, setAside };
  const logged = applied.filter(({ deltaId }) => numberIn(deltaId) !== undefined).length;
  return { ...sealed.merge, ...counts, ...(logged > 0 && { logged }), ...(vacuumed && { vacuumed }) };
}

/**
 * The failure of an automatic vacuum does not fail the merge: the directory is repaired, and the merge repeated without
 * the vacuum.
 */
async function applyAndRenew(
  ports: Ports,
  directory: WorkingDirectory,
  base: LoadedManifest,
  batch: readonly ReadDelta[],
  vacuum: VacuumRequest,
): Promise<Applied & Renewed> {
  const applied = await applyOrReject(ports, directory, base, batch);
  try {
    return { ...applied, ...(await renew(ports, directory, base, applied, vacuum)) };
  } catch (error) {
    if (vacuum.isAsked) throw error;
    const { collection } = base.manifest;
    ports.telemetry.warn('A vacuum failed; the merge goes on without it.', { collection, reason: String(error) });
    await directory.markDirty();
    return { ...(await applyOrReject(ports, directory, base, batch)), vacuumed: false };
  }
}

/**
 * Apply the batch without the lines that the engine refuses. If no single line is refused, but the engine repeatedly
 * blames a delta that is alone in its batch, the whole delta is rejected, so that it does not block the others.
 */
async function applyOrReject(
  ports: Ports,
  directory: WorkingDirectory,
  base: LoadedManifest,
  batch: readonly ReadDelta[],
): Promise<Applied> {
  let deltas = batch;
  for (let blames = 1; ; ) {
    try {
      return await mergeOntoBase(ports, directory, base, deltas);
    } catch (error) {
      if (!(error instanceof EngineRejectedDataError)) throw error;
      if (error.refused.length > 0) {
        const { version } = await ports.engine.identify();
        deltas = deltas.map((delta) => withoutRefused(delta, error.refused, version));
        continue;
      }
      const [delta, ...others] = deltas;
      if (delta === undefined || others.length > 0) throw error;
      if (blames++ < BLAMES_TO_REJECT) continue;
      const reason = `Chroma refuses this delta: ${error.reason}`.slice(0, 1_000);
      const rejectedOperations = delta.rejectedOperations + operationsLeft(delta);
      const { requests: _requests, ...rest } = delta;
      const rejected = { ...rest, ...rejectedWhole(REJECTION.rejectedByEngine, reason), rejectedOperations };
      return mergeOntoBase(ports, directory, base, [rejected]);
    }
  }
}
