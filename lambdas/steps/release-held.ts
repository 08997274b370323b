/** Frees lock and claim of one execution, by the tokens of the item that was read. */
import type { Ports } from '../ports.ts';
import type { LockItem } from '../protocol/lock.ts';

export interface Released {
  releasedLock: boolean;
  releasedClaim: boolean;
}

/** What `item` says that `execution` holds, and nothing else; the lock before the claim. @throws TableUnavailableError */
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
  if (item?.claimOwner === execution && item.claimToken !== undefined) {
    const holder = { owner: execution, token: item.claimToken };
    released.releasedClaim = await ports.locks.releaseClaim(collection, holder);
  }
  return released;
}
