/** AcquireLock: two short waits here, the long ones in the state machine. */
import { ACQUIRE_WAITS_MS, type AcquireLockInput, type CompactionState } from '../../statemachine/contract.ts';
import type { Ports } from '../ports.ts';
import { LockHeldError } from '../protocol/errors.ts';
import { METRICS } from '../protocol/metrics.ts';

/** @throws LockHeldError, TableUnavailableError */
export async function acquireLock(
  ports: Pick<Ports, 'clock' | 'ids' | 'locks' | 'settings' | 'telemetry'>,
  { phase, state }: AcquireLockInput,
): Promise<CompactionState> {
  const { collection, execution, base } = state;
  const dimensions = { collection, phase };
  const started = ports.clock.monotonic();
  for (let attempt = 0; ; attempt++) {
    // Counted from before the request is sent: the holder believes in its lock for less time than the table does.
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
