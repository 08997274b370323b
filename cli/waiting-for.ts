/** Describes what an execution that does not end is waiting for. */
import { isClaimLive, isLockFree } from '../lambdas/protocol/lock.ts';
import type { Target } from './target.ts';

/** No reason is given before this: short waits are normal. */
const QUIET_MS = 2_000;

/** @param state State of the execution; empty if unknown. */
export async function waitingFor(
  target: Target,
  collection: string,
  execution: string,
  state: string,
): Promise<string> {
  const { locks, clock } = target.ports;
  const at = state === '' ? '' : ` at ${state}`;
  const item = await locks.readLock(collection).catch(() => undefined);
  const now = clock.now();
  const until = (ms: number | undefined) => new Date(ms ?? now).toISOString();
  if (!isLockFree(item, execution, now)) {
    return `${execution} is${at}; the lock of "${collection}" is held by ${item?.owner} until ${until(item?.expiresAt)}`;
  }
  if (isClaimLive(item, now) && item?.claimOwner !== execution) {
    return `${execution} is${at}; "${collection}" is being compacted by ${item?.claimOwner}, until ${until(item?.claimExpiresAt)} at least`;
  }
  return `${execution} is${at === '' ? ' running' : at}`;
}

/**
 * Reports on stderr, where it does not disturb other output, once the wait is long, and whenever the reason changes.
 */
export function teller(now: () => number = Date.now, write = (text: string) => void process.stderr.write(text)) {
  const started = now();
  let last = '';
  return (reason: string): void => {
    if (now() - started < QUIET_MS || reason === last) return;
    last = reason;
    write(`Waiting: ${reason}.\n`);
  };
}
