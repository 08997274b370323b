/** Keeps the claim alive during long work. */
import type { CompactionState } from '../../statemachine/contract.ts';
import type { Ports } from '../ports.ts';

/**
 * Run `task` while renewing this execution's claim. Losing the claim stops nothing, since it is only advisory and the
 * swap decides. A failed renewal is reported and retried at the next beat.
 */
export async function withHeartbeat<Result>(
  ports: Pick<Ports, 'clock' | 'locks' | 'settings' | 'telemetry'>,
  { collection, execution, claim }: Pick<CompactionState, 'collection' | 'execution' | 'claim'>,
  task: () => Promise<Result>,
): Promise<Result> {
  if (claim === null) return task();
  const holder = { owner: execution, token: claim.token };
  const { claimDurationMs, heartbeatIntervalMs } = ports.settings;
  const beat = async () => {
    const renewed = await ports.locks.renewClaim(collection, holder, ports.clock.now(), claimDurationMs);
    if (!renewed)
      ports.telemetry.warn('The claim was lost; the merge goes on, and the swap will decide.', { collection });
  };
  // Also at the start: the claim has aged since the previous step, and several short steps in a row would never renew
  // it.
  await beat().catch((error) => ports.telemetry.warn('A heartbeat failed.', { collection, reason: String(error) }));
  const stop = ports.clock.every(heartbeatIntervalMs, beat);
  try {
    return await task();
  } finally {
    stop();
  }
}
