/**
 * ReleaseLock: releases by owner and token. If the lock is no longer ours, there is nothing to release, and the
 * execution goes on.
 */
import type { CompactionState } from '../../statemachine/contract.ts';
import type { Ports } from '../ports.ts';
import { METRICS } from '../protocol/metrics.ts';

/** @throws TableUnavailableError */
export async function releaseLock(
  ports: Pick<Ports, 'clock' | 'locks' | 'telemetry'>,
  state: CompactionState,
): Promise<CompactionState> {
  const { collection, execution, lock } = state;
  if (lock === null) return state;
  const released = await ports.locks.releaseLock(collection, { owner: execution, token: lock.token });
  const heldMs = Math.max(0, ports.clock.now() - (released?.acquiredAt ?? lock.acquiredAt));
  if (released === undefined) {
    ports.telemetry.warn('The lock was not ours any more when it was to be released.', {
      collection,
      phase: lock.phase,
    });
  }
  ports.telemetry.metric(METRICS.lockDuration, heldMs, { collection, phase: lock.phase });
  const counter = lock.phase === 'swap' ? 'swapMs' : 'validationMs';
  return { ...state, lock: null, held: { ...state.held, [counter]: state.held[counter] + heldMs } };
}
