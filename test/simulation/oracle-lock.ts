/** Invariant 3: what may become of a `LOCK` item, whoever asks. */
import type { AcquireRequest, ClaimRequest, Holder, LockItem } from '../../lambdas/protocol/lock.ts';
import type { LockChange } from './table.ts';

const NONE: LockItem = { token: 0 };

export function lockFaults({ by, before = NONE, after, request }: LockChange): string[] {
  if (after === undefined) return ['the item was deleted, and its token with it'];
  const faults: string[] = [];
  const unless = (holds: boolean, fault: string) => {
    if (!holds) faults.push(`${fault} (${by})`);
  };
  unless(after.token >= before.token, `the token falls from ${before.token} to ${after.token}`);
  unless((after.wake ?? 0) >= (before.wake ?? 0), 'wake falls');
  if (by !== 'acquireLock' && by !== 'releaseLock') unless(after.owner === before.owner, 'the lock changes hands');
  if (by !== 'takeClaim' && by !== 'releaseClaim') {
    unless(after.claimOwner === before.claimOwner, `the claim goes from ${before.claimOwner} to ${after.claimOwner}`);
  }
  switch (by) {
    case 'acquireLock': {
      const { owner, now } = request as AcquireRequest;
      const isFree = before.owner === undefined || before.owner === owner || (before.expiresAt ?? 0) <= now;
      unless(isFree, `the lock was taken from ${before.owner}`);
      unless(after.token > before.token, 'the token does not rise');
      break;
    }
    case 'releaseLock': {
      const { owner, token } = request as Holder;
      unless(before.owner === owner && before.token === token, 'the lock was released by somebody else');
      break;
    }
    case 'takeClaim': {
      const { holder, now } = request as ClaimRequest;
      const holds = before.owner === holder.owner && before.token === holder.token && (before.expiresAt ?? 0) > now;
      unless(holds, `${holder.owner} took the claim without holding the lock`);
      break;
    }
    case 'renewClaim':
    case 'releaseClaim': {
      const { owner, token } = request as Holder;
      unless(before.claimOwner === owner && before.claimToken === token, `${owner} changed the claim of another`);
      break;
    }
  }
  return faults;
}
