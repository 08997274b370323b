/** Locks that others hold, bases that move on, swaps that are lost. */
import { LockLostError, SwapUnknownError } from '../../../../lambdas/errors/errors.ts';
import { encodePointer } from '../../../../lambdas/protocol/pointer.ts';
import { pointerKey } from '../../../../lambdas/snapshot/keys.ts';
import { readPointer } from '../../../../lambdas/versions/read-pointer.ts';
import { attemptsOf } from '../definitions.ts';
import type { Hook } from '../functions.ts';
import {
  CHECK,
  COMMIT,
  FINISH,
  fails,
  GIVE_UP,
  named,
  OTHER,
  PLAN,
  RETREAT,
  type Situation,
  SWAP,
  UPLOAD,
} from '../situation.ts';

const VALIDATION_ATTEMPTS = attemptsOf('AcquireValidationLock', 'LockHeldError');
/** As many as leave one attempt. */
const ALMOST = VALIDATION_ATTEMPTS - 1;

/** Garbage collection rewrites the pointer first. */
const fencedFirst: Hook = async ({ n, ports, collection, real }) => {
  if (n === 1) {
    const { pointer, etag } = await readPointer(ports, collection);
    const fenced = encodePointer({ ...pointer, fence: pointer.fence + 1, fencedBy: 'gc' });
    await ports.store.putIfMatch(pointerKey(collection), fenced, etag);
  }
  return real();
};

/** Another holds the lock until this is asked for the fourth time. */
const heldForThree: Hook = async ({ n, ports, collection, real }) => {
  if (n === 1) {
    const request = {
      owner: OTHER,
      phase: 'validation',
      pointerToken: 0,
      now: Date.now(),
      durationMs: 60_000,
    } as const;
    await ports.locks.acquireLock(collection, request);
  }
  if (n === 4) {
    const lock = await ports.locks.readLock(collection);
    await ports.locks.releaseLock(collection, { owner: OTHER, token: lock?.token as number });
  }
  return real();
};

const heldTwiceForLong: Hook = async ({ n, real }) => {
  if (n % VALIDATION_ATTEMPTS !== 0) throw named('LockHeldError');
  return real();
};

export const CONFLICTS: Situation[] = [
  {
    name: 'the lock is held, and free at the fourth attempt',
    hooks: { 'AcquireLock:validation': heldForThree },
    path: `${COMMIT} Compacted`,
    ends: 'SUCCEEDED',
    attempts: { AcquireValidationLock: [4] },
  },
  {
    name: 'the lock for the swap is held, and free at the fourth attempt',
    hooks: { 'AcquireLock:swap': heldForThree },
    path: `${COMMIT} Compacted`,
    ends: 'SUCCEEDED',
    attempts: { AcquireSwapLock: [4] },
  },
  {
    name: 'the lock is held for ever',
    hooks: { AcquireLock: fails(named('LockHeldError')) },
    path: `${PLAN} AcquireValidationLock > ${GIVE_UP}`,
    ends: 'LockHeldError',
    attempts: { AcquireValidationLock: [VALIDATION_ATTEMPTS] },
  },
  {
    name: `held for ${ALMOST} attempts, then lost, then held for as many: each visit counts anew`,
    hooks: {
      'AcquireLock:validation': heldTwiceForLong,
      'ValidateCas:claim': fails(new LockLostError('Lost. Take it again.'), 1),
    },
    path: `${PLAN} AcquireValidationLock > ValidateCas > AcquireValidationLock > ValidateCas > ReleaseValidationLock > Delegated? > ${SWAP} ${FINISH} Compacted`,
    ends: 'SUCCEEDED',
    attempts: { AcquireValidationLock: [VALIDATION_ATTEMPTS, VALIDATION_ATTEMPTS] },
  },
  {
    name: 'the base moves on before it is validated',
    hooks: { 'ValidateCas:claim': fencedFirst },
    path: `${PLAN} AcquireValidationLock > ValidateCas > ReleaseLockAfterConflict > ${RETREAT} ${COMMIT} Compacted`,
    ends: 'SUCCEEDED',
  },
  {
    name: 'the base moves on before the upload',
    hooks: { 'ValidateCas:base': fencedFirst },
    path: `${CHECK} MergeDeltas > Merged? > CheckBase > ${RETREAT} ${COMMIT} Compacted`,
    ends: 'SUCCEEDED',
  },
  {
    name: 'the base moves on before the swap, which is lost',
    hooks: { SwapPointer: fencedFirst },
    path: `${CHECK} ${SWAP} ReleaseLockAfterConflict > ${RETREAT} ${COMMIT} Compacted`,
    ends: 'SUCCEEDED',
  },
  {
    name: 'the lock is lost before the swap',
    hooks: { SwapPointer: fails(new LockLostError('Lost. Take it again.'), 1) },
    path: `${CHECK} ${SWAP} AcquireSwapLock > SwapPointer > ${FINISH} Compacted`,
    ends: 'SUCCEEDED',
  },
  {
    name: 'whether the swap took place is unknown',
    hooks: { SwapPointer: fails(new SwapUnknownError('No answer. Read the pointer.'), 1) },
    path: `${CHECK} ${SWAP} ReleaseLockAfterConflict > ${RETREAT} ${COMMIT} Compacted`,
    ends: 'SUCCEEDED',
  },
  {
    name: 'Sandbox.Timedout in the upload',
    hooks: { UploadSnapshot: fails(named('Sandbox.Timedout'), 1) },
    path: `${CHECK} ${UPLOAD} ${RETREAT} ${COMMIT} Compacted`,
    ends: 'SUCCEEDED',
  },
];
