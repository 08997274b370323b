/** Functions that fail: once, for a while, for good. */
import {
  EngineRejectedDataError,
  InvariantViolatedError,
  StoreUnavailableError,
} from '../../../../lambdas/errors/errors.ts';
import { attemptsOf } from '../definitions.ts';
import {
  CHECK,
  COMMIT,
  compact,
  ERRORS,
  fails,
  GIVE_UP,
  named,
  ONE_BY_ONE,
  RETREAT,
  type Situation,
  SWAP,
} from '../situation.ts';

const UNTIL_FINISHED = `${CHECK} ${SWAP} ReleaseSwapLock > SyncEfs > FinishCompaction >`;
const STORE_ATTEMPTS = attemptsOf('FinishCompaction', 'StoreUnavailableError');
const FUNCTIONS = [
  'PlanCompaction',
  'AcquireLock',
  'ValidateCas',
  'ReleaseLock',
  'MergeDeltas',
  'UploadSnapshot',
  'SwapPointer',
  'SyncEfs',
  'FinishCompaction',
];
const down = new StoreUnavailableError('The store is down. Retry.');

export const FAILURES: Situation[] = [
  {
    name: 'every function is throttled once',
    hooks: Object.fromEntries(FUNCTIONS.map((fn) => [fn, fails(named('Lambda.TooManyRequestsException'), 1)])),
    path: `${COMMIT} Compacted`,
    ends: 'SUCCEEDED',
  },
  {
    name: 'Lambda.Unknown in the merge: half as many at a time',
    hooks: { MergeDeltas: fails(named('Lambda.Unknown'), 1) },
    path: `${CHECK} MergeDeltas > ${RETREAT} ${ONE_BY_ONE}`,
    ends: 'SUCCEEDED',
  },
  {
    name: 'Chroma refuses the data twice',
    hooks: { MergeDeltas: fails(new EngineRejectedDataError('No. Look at the delta.'), 2) },
    path: `${CHECK} MergeDeltas > ${RETREAT} ${CHECK} MergeDeltas > ${RETREAT} ${ONE_BY_ONE}`,
    ends: 'SUCCEEDED',
  },
  {
    name: 'the store is down for as long as finishing is retried',
    hooks: { FinishCompaction: fails(down, STORE_ATTEMPTS - 1) },
    path: `${COMMIT} Compacted`,
    ends: 'SUCCEEDED',
    attempts: { FinishCompaction: [STORE_ATTEMPTS] },
  },
  {
    name: 'the store is down for longer',
    hooks: { FinishCompaction: fails(down, STORE_ATTEMPTS) },
    path: `${UNTIL_FINISHED} ${GIVE_UP}`,
    ends: 'StoreUnavailableError',
    attempts: { FinishCompaction: [STORE_ATTEMPTS] },
  },
  {
    name: 'finishing fails',
    hooks: { FinishCompaction: fails(new InvariantViolatedError('Broken. Stop.')) },
    path: `${UNTIL_FINISHED} ${GIVE_UP}`,
    ends: 'InvariantViolatedError',
    attempts: { FinishCompaction: [1] },
  },
  {
    name: 'an unknown error in the merge',
    hooks: { MergeDeltas: fails(new TypeError('x is not a function')) },
    path: `${CHECK} MergeDeltas > ${GIVE_UP}`,
    ends: 'TypeError',
    attempts: { MergeDeltas: [1] },
  },
  {
    name: 'an unknown error in the plan',
    hooks: { PlanCompaction: fails(new RangeError('r')) },
    path: `PlanCompaction > ${GIVE_UP}`,
    ends: 'RangeError',
  },
  {
    name: 'handling the failure fails as well: the first error is the one that is told',
    hooks: { MergeDeltas: fails(new TypeError('first')), HandleFailure: fails(new RangeError('second')) },
    path: `${CHECK} MergeDeltas > ${GIVE_UP}`,
    ends: 'TypeError',
  },
  {
    name: 'no collection of that name',
    play: (stage) => compact(stage, '{"collection":"unheard-of"}'),
    path: `PlanCompaction > ${GIVE_UP}`,
    ends: 'CollectionNotFoundError',
  },
  {
    name: 'a failure with a long cause',
    hooks: { MergeDeltas: fails(named('TypeError', 'x'.repeat(60_000))) },
    path: `${CHECK} MergeDeltas > ${GIVE_UP}`,
    ends: 'TypeError',
    differs: {
      in: ['cause', 'input', 'call'],
      why: 'A cause has at most 32,768 characters. moto hands on all of it; here the text is cut.',
      source:
        'https://docs.aws.amazon.com/step-functions/latest/apireference/API_LambdaFunctionFailedEventDetails.html',
    },
  },
  {
    name: 'an output over 256 KiB',
    hooks: {
      SyncEfs: async ({ real }) => ({ ...((await real()) as object), blob: 'x'.repeat(270_000) }),
    },
    path: `${CHECK} ${SWAP} ReleaseSwapLock > SyncEfs`,
    ends: 'States.DataLimitExceeded',
    differs: {
      in: ['path', 'attempts', 'status', 'error', 'cause', 'output'],
      why: 'States.ALL does not catch States.DataLimitExceeded, which ends the execution. moto catches it.',
      source: `${ERRORS}#error-data-limit-exceed`,
      moto: { path: `${COMMIT} Compacted`, ends: 'SUCCEEDED' },
    },
  },
];
