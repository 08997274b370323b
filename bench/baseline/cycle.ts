/**
 * The predecessor's cycle, phase by phase as `locking-efficiency-review` describes it, in one Lambda:
 *
 * 1. off-lock: read the pointer, copy the snapshot from EFS to the local disk (from the store when EFS has it not);
 *    on-lock, about 100 ms: is the pointer still the one that was read?
 * 2. off-lock: merge.
 * 3. on-lock: the same comparison again, upload the whole directory, validate it by reading it back, write the pointer.
 * 4. off-lock: copy the directory back to EFS.
 *
 * Written to be as fast as that protocol can be: files and ranges in parallel, hashes computed on the way, a comparison
 * that fails begins anew at once. Merge, lock table, engine and delta code are the product's own.
 */
import { access, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mapLimit } from '../../lambdas/concurrency/map-limit.ts';
import { LockHeldError } from '../../lambdas/errors/errors.ts';
import type { ReadDelta } from '../../lambdas/inbox/read-deltas.ts';
import { applyDeltas } from '../../lambdas/merge/apply-deltas.ts';
import type { Clock, Engine, Ids, LockTable, ObjectStore, WorkingDirectories } from '../../lambdas/ports.ts';
import type { LockPhase } from '../../lambdas/protocol/lock.ts';
import { sha256 } from '../../lambdas/snapshot/blocks.ts';
import { parseDelta } from '../../lambdas/snapshot/delta.ts';
import { deltaKey } from '../../lambdas/snapshot/keys.ts';
import { DIMENSION, SPACE } from '../fixture/corpus.ts';
import type { Meter } from '../network/meter.ts';
import type { Network } from '../network/network.ts';
import { type BaselinePointer, PointerFile } from './bucket.ts';
import { copyTree, fetchTree, listTree, uploadTree, validateTree } from './files.ts';

/** Everything that one invocation may touch. */
export interface BaselinePorts {
  /** Behind the network. */
  store: ObjectStore;
  /** As it is, for the pointer. */
  plainStore: ObjectStore;
  locks: LockTable;
  engine: Engine;
  directories: WorkingDirectories;
  clock: Clock;
  ids: Ids;
  network: Network;
  meter: Meter;
  /** EFS: one folder per version. */
  cacheFolder: string;
  collection: string;
  lockDurationMs: number;
  /** Called before the second lock: where a scenario lets a rival commit. */
  beforeSwap?: () => Promise<void>;
}

/** The review's backoff: two short waits, then the batch is skipped. */
const WAITS_MS = [100, 200];
const MAX_REBASES = 20;
const LAMBDA_GB = 3;

export type BaselineOutcome = 'committed' | 'skipped' | 'nothing';

/** One invocation with its batch of deltas. */
export async function compactBaseline(ports: BaselinePorts, deltaIds: readonly string[]): Promise<BaselineOutcome> {
  const { network, meter } = ports;
  const started = performance.now();
  meter.count('executions');
  meter.count('lambdaRequests');
  await network.wait(network.model.transitionMs);
  try {
    if (deltaIds.length === 0) return 'nothing';
    const deltas = await readBatch(ports, deltaIds);
    for (let attempt = 0; attempt < MAX_REBASES; attempt++) {
      const outcome = await attemptCommit(ports, deltas);
      if (outcome !== 'moved') return outcome;
    }
    return 'skipped';
  } finally {
    meter.count('lambdaGbSeconds', (LAMBDA_GB * (performance.now() - started)) / 1_000);
  }
}

async function attemptCommit(ports: BaselinePorts, deltas: readonly ReadDelta[]): Promise<BaselineOutcome | 'moved'> {
  const { meter, collection } = ports;
  const owner = ports.ids.ulid();
  const file = new PointerFile(ports.plainStore, ports.network, meter);
  const isCurrent = async () => (await file.read()).version === base.version;
  const base = await file.read();
  const directory = await ports.directories.claim(collection);
  try {
    await directory.clear();
    await hydrateWhole(ports, base, directory.path);
    const validated = await locked(ports, owner, 'validation', isCurrent);
    if (validated !== true) return validated === 'skipped' ? 'skipped' : 'moved';
    const records = await merge(ports, base, directory, deltas);
    await ports.beforeSwap?.();
    const next: BaselinePointer = {
      version: base.version + 1,
      prefix: `baseline/${owner}/`,
      files: await listTree(directory.path),
      records,
      history: [...base.history, { version: base.version + 1, deltas: deltas.map(({ deltaId }) => deltaId) }],
    };
    const published = await locked(ports, owner, 'swap', async () => {
      if (!(await isCurrent())) return false;
      const digests = await uploadTree(ports.store, directory.path, next.prefix);
      await validateTree(ports.store, next.prefix, next.files, digests);
      await file.write(next);
      return true;
    });
    if (published !== true) {
      meter.count('mergesDiscarded');
      return published === 'skipped' ? 'skipped' : 'moved';
    }
    await copyBack(ports, directory.path, next);
    return 'committed';
  } finally {
    await directory.release();
  }
}

async function readBatch(ports: BaselinePorts, deltaIds: readonly string[]): Promise<ReadDelta[]> {
  return mapLimit(deltaIds, 8, async (deltaId) => {
    const { body } = await ports.store.get(deltaKey(ports.collection, deltaId));
    return { deltaId, sha256: sha256(body), bytes: body.length, ...parseDelta(body, DIMENSION) };
  });
}

async function hydrateWhole(ports: BaselinePorts, base: BaselinePointer, to: string): Promise<void> {
  const cached = join(ports.cacheFolder, String(base.version));
  const isCached = await access(cached).then(
    () => true,
    () => false,
  );
  if (isCached) await copyTree(cached, to, 'from-cache', ports);
  else await fetchTree(ports.store, base.prefix, base.files, to);
}

async function merge(
  ports: BaselinePorts,
  base: BaselinePointer,
  directory: Parameters<Engine['open']>[0],
  deltas: readonly ReadDelta[],
): Promise<number> {
  ports.meter.count('engineStarts');
  const session = await ports.engine.open(directory);
  try {
    const shape = { collection: ports.collection, space: SPACE, dimension: DIMENSION, records: base.records } as const;
    return base.records + (await applyDeltas(session, shape, deltas)).growth;
  } finally {
    await session.close();
  }
}

/** `skipped`: the lock could not be had. */
async function locked<Result>(
  ports: BaselinePorts,
  owner: string,
  phase: LockPhase,
  task: () => Promise<Result>,
): Promise<Result | 'skipped'> {
  const { locks, collection, clock } = ports;
  for (let attempt = 0; ; attempt++) {
    try {
      const request = { owner, phase, pointerToken: 0, now: clock.now(), durationMs: ports.lockDurationMs };
      const { token } = await locks.acquireLock(collection, request);
      try {
        return await task();
      } finally {
        await locks.releaseLock(collection, { owner, token });
      }
    } catch (error) {
      if (!(error instanceof LockHeldError)) throw error;
      const wait = WAITS_MS[attempt];
      if (wait === undefined) return 'skipped';
      await clock.sleep(wait);
    }
  }
}

/** Under a name of its own until it is whole; versions before the last one go. */
async function copyBack(ports: BaselinePorts, from: string, { version, prefix }: BaselinePointer): Promise<void> {
  const { cacheFolder, network, meter } = ports;
  const target = join(cacheFolder, String(version));
  const making = `${target}.${prefix.split('/')[1]}`;
  await copyTree(from, making, 'to-cache', ports);
  meter.count('cacheRequests');
  await network.wait(network.model.cacheMs);
  await rename(making, target);
  await rm(join(cacheFolder, String(version - 2)), { recursive: true, force: true });
}
