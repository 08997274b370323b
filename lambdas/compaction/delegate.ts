/**
 * Group commit: an execution leaves its deltas to the claimant, which checks `wake` before it releases the claim. The
 * deltas must be in the inbox before the delegation: the claimant reads `wake`, *then* lists, and releases its claim
 * only if `wake` is unchanged. So either its listing begins after the delegation, and includes them, or its release is
 * refused, and it looks again. If the claimant dies, release-abandoned and the sweep take over, as always.
 */
import type { Ports } from '../ports.ts';
import { mayDelegate } from '../protocol/lock.ts';
import { METRICS } from '../protocol/metrics.ts';

type DelegatePorts = Pick<Ports, 'clock' | 'locks' | 'telemetry'>;

/** False: there is no live claim (any more). @throws TableUnavailableError, CorruptObjectError */
export async function delegate(ports: DelegatePorts, collection: string): Promise<boolean> {
  if (!(await ports.locks.wakeClaimant(collection, ports.clock.now()))) return false;
  ports.telemetry.metric(METRICS.delegated, 1, { collection });
  return true;
}

/**
 * The same for an execution that holds no lock. It reads the item first: that is cheaper than a refused write, and
 * shows whether the claim is our own, which a lost response may have hidden from us.
 * @throws TableUnavailableError, CorruptObjectError
 */
export async function delegateUnlocked(ports: DelegatePorts, collection: string, execution: string): Promise<boolean> {
  const item = await ports.locks.readLock(collection);
  return mayDelegate(item, execution, ports.clock.now()) && delegate(ports, collection);
}
