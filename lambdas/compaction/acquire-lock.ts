/** AcquireLock: waits twice for a short time here; the state machine does the long waits. */
import {
  ACQUIRE_WAITS_MS,
  type AcquireLockInput,
  type CompactionState,
  MAX_LOCK_LOSSES,
} from '../../statemachine/contract.ts';
import { LockHeldError, LockLostError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import { METRICS } from '../protocol/metrics.ts';

/** @throws LockHeldError, LockLostError (it was lost repeatedly), TableUnavailableError */
export async function acquireLock(
  ports: Pick<Ports, 'clock' | 'ids' | 'locks' | 'settings' | 'telemetry'>,
  { phase, state: before }: AcquireLockInput,
): Promise<CompactionState> {
  const state = countLoss(before);
  const { collection, execution, base } = state;
  const dimensions = { collection, phase };
  const started = ports.clock.monotonic();
  for (let attempt = 0; ; attempt++) {
    // Measured from before the request is sent, so that the holder stops relying on its lock before the table lets it
    // expire.
    const acquiredAt = ports.clock.now();
    ports.telemetry.metric(METRICS.lockAttempt, 1, dimensions);
    try {
      const { token } = await ports.locks.acquireLock(collection, {
        owner: execution,
        phase,
        pointerToken: base.token,
        now: acquiredAt,
        durationMs: ports.settings.lockDurationMs,
      });
      ports.telemetry.metric(METRICS.lockWait, ports.clock.monotonic() - started, dimensions);
      return { ...state, lock: { token, phase, acquiredAt } };
    } catch (error) {
      if (!(error instanceof LockHeldError)) throw error;
      ports.telemetry.metric(METRICS.lockCollision, 1, dimensions);
      const wait = ACQUIRE_WAITS_MS[attempt];
      if (wait === undefined) throw error;
      await ports.clock.sleep(wait * (0.5 + ports.ids.random() / 2));
    }
  }
}

/** If the state still carries a lock, that lock was lost. */
function countLoss(state: CompactionState): CompactionState {
  if (state.lock === null) return state;
  const lockLosses = state.attempts.lockLosses + 1;
  if (lockLosses > MAX_LOCK_LOSSES) {
    throw new LockLostError(
      `The lock of "${state.collection}" was lost ${lockLosses} times in one round. Clocks differ by more than its ` +
        'duration, or the swap hangs for as long, or something deletes its item. Find out which, then start again.',
    );
  }
  return { ...state, lock: null, attempts: { ...state.attempts, lockLosses } };
}
