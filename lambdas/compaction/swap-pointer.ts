/**
 * SwapPointer: publishes what was merged and uploaded, provided that enough of the lock's duration is left. The write
 * is in `../commit/publish.ts`.
 */
import type { CompactionState } from '../../statemachine/contract.ts';
import { publishVersion } from '../commit/publish.ts';
import { LockLostError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import { withCommit } from './record-commit.ts';

/** Fraction of the lock's duration after which it is no longer relied on. */
const LOCK_MARGIN = 0.8;

/** @throws PointerMovedError (proven lost), SwapUnknownError, LockLostError, InvariantViolatedError */
export async function swapPointer(ports: Ports, state: CompactionState): Promise<CompactionState> {
  const { collection, execution, lock, merge } = state;
  const heldMs = ports.clock.now() - (lock?.acquiredAt ?? 0);
  if (lock === null || merge === null || heldMs > ports.settings.lockDurationMs * LOCK_MARGIN) {
    throw new LockLostError(`The lock of "${collection}" is too old to swap under. Acquire it again.`);
  }
  const { commitId, manifest, records } = merge;
  const { statusTable = ports.statuses.tableName } = state.base;
  await publishVersion(
    ports,
    { ...state.base, collection, statusTable },
    { commitId, manifest, records, execution, token: lock.token, what: 'commit' },
  );
  return withCommit(state, merge);
}
