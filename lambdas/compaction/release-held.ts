/** Releases lock and claim of one execution, by the tokens in the item that was read. */
import type { Ports } from '../ports.ts';
import type { LockItem } from '../protocol/lock.ts';

export interface Released {
  releasedLock: boolean;
  releasedClaim: boolean;
}

/**
 * Release what `execution` holds according to `item`, and nothing else; the lock before the claim. The claim is
 * released by the lock's token, too: a delayed call of the dead execution may have taken it under that lock since the
 * item was read, which is no longer possible once the lock is released. @throws TableUnavailableError
 */
export async function releaseHeld(
  ports: Pick<Ports, 'locks'>,
  collection: string,
  execution: string,
  item: LockItem | undefined,
): Promise<Released> {
  const released: Released = { releasedLock: false, releasedClaim: false };
  if (item?.owner === execution) {
    const holder = { owner: execution, token: item.token };
    released.releasedLock = (await ports.locks.releaseLock(collection, holder)) !== undefined;
  }
  const tokens = [
    ...(item?.claimOwner === execution && item.claimToken !== undefined ? [item.claimToken] : []),
    ...(item?.owner === execution ? [item.token] : []),
  ];
  for (const token of new Set(tokens)) {
    released.releasedClaim ||= await ports.locks.releaseClaim(collection, { owner: execution, token });
  }
  return released;
}
