/**
 * ValidateCas: checks that the planned base is still current. Under the lock it also takes the claim, or delegates to
 * the execution that has it. CheckBase is the same comparison before the upload, without lock or claim.
 */
import { type CompactionState, NEXT, type ValidateCasInput } from '../../statemachine/contract.ts';
import { LockLostError, PointerMovedError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import { readOwnPointer } from '../versions/own-pointer.ts';
import { delegate } from './delegate.ts';

/** A claim that is found neither free nor live this many times in a row is changing hands: plan again. */
const LOOKS = 3;

/** @throws PointerMovedError, LockLostError, StoreUnavailableError, TableUnavailableError, and those of the pointer */
export async function validateCas(ports: Ports, { check, state }: ValidateCasInput): Promise<CompactionState> {
  const { collection, base } = state;
  const { pointer, etag } = await readOwnPointer(ports, collection);
  if (etag !== base.etag) {
    throw new PointerMovedError(
      `The pointer of "${collection}" moved from version ${base.version} to ${pointer.version} ` +
        `(fence ${base.fence} to ${pointer.fence}) since it was planned for. Rebase: plan again.`,
    );
  }
  return check === 'claim' ? claimOrDelegate(ports, state) : state;
}

async function claimOrDelegate(ports: Ports, state: CompactionState): Promise<CompactionState> {
  const { collection, execution, lock } = state;
  if (lock === null) throw lockLost(collection);
  for (let look = 0; look < LOOKS; look++) {
    const now = ports.clock.now();
    const taken = await ports.locks.takeClaim(collection, {
      holder: { owner: execution, token: lock.token },
      now,
      durationMs: ports.settings.claimDurationMs,
    });
    if (taken === 'lock-lost') throw lockLost(collection);
    if (taken !== 'claimed') return { ...state, claim: { token: taken.token, takenAt: state.claim?.takenAt ?? now } };
    if (await delegate(ports, collection)) return { ...state, next: NEXT.delegated, claim: null };
  }
  throw new PointerMovedError(`The claim on "${collection}" kept changing hands. Plan again.`);
}

function lockLost(collection: string): LockLostError {
  return new LockLostError(`The lock of "${collection}" is no longer ours (expired or deleted). Acquire it again.`);
}
