/**
 * Group commit: one execution leaves its deltas to the one that has the claim, which looks at `wake` before it lets go.
 * The deltas must have been seen in the inbox before: the claimant reads `wake`, *then* lists, and releases its claim only
 * if `wake` is unchanged. So either its listing begins after ours, and has them, or its release is refused, and it looks
 * again. A claimant that dies is seen to as ever: by the release of what it held, and by the sweep.
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
 * The same for an execution that holds no lock. A look at the item comes first: it is cheaper than a refused write, and
 * tells another one's claim from our own, which a lost response may have hidden from us.
 * @throws TableUnavailableError, CorruptObjectError
 */
export async function delegateUnlocked(ports: DelegatePorts, collection: string, execution: string): Promise<boolean> {
  const item = await ports.locks.readLock(collection);
  return mayDelegate(item, execution, ports.clock.now()) && delegate(ports, collection);
}
