/** Commits, and executions that have nothing to commit. */
import { CacheUnwritableError } from '../../../../lambdas/errors/errors.ts';
import type { Hooked } from '../functions.ts';
import {
  CHECK,
  COMMIT,
  compact,
  fails,
  named,
  ONE_BY_ONE,
  OTHER,
  onCall,
  PLAN,
  type Situation,
  submit,
} from '../situation.ts';

type Place = Pick<Hooked, 'ports' | 'collection'>;

/** Another execution compacts. */
async function claimByAnother({ ports, collection }: Place): Promise<void> {
  const now = Date.now();
  const { token } = await ports.locks.acquireLock(collection, {
    owner: OTHER,
    phase: 'validation',
    pointerToken: 0,
    now,
    durationMs: 60_000,
  });
  const holder = { owner: OTHER, token };
  await ports.locks.takeClaim(collection, { holder, now, durationMs: 60_000 });
  await ports.locks.releaseLock(collection, holder);
}

export const COMMITS: Situation[] = [
  { name: 'a commit', path: `${COMMIT} Compacted`, ends: 'SUCCEEDED' },
  { name: 'nothing to do', deltas: 0, path: `${PLAN} UpToDate`, ends: 'SUCCEEDED' },
  {
    name: 'another execution has the claim while this one plans',
    play: async (stage) => {
      await claimByAnother(stage);
      return compact(stage);
    },
    path: `${PLAN} Delegated`,
    ends: 'SUCCEEDED',
  },
  {
    name: 'another execution takes the claim before this one has the lock',
    hooks: {
      'AcquireLock:validation': async (call) => {
        await claimByAnother(call);
        return call.real();
      },
    },
    path: `${CHECK} Delegated`,
    ends: 'SUCCEEDED',
  },
  {
    name: 'a delta arrives during the commit: a second round',
    hooks: {
      FinishCompaction: onCall(1, async ({ ports, collection, real }) => {
        await submit(ports, collection, 9);
        return real();
      }),
    },
    path: `${COMMIT} ${COMMIT} Compacted`,
    ends: 'SUCCEEDED',
  },
  {
    name: 'the cache cannot be written: committed all the same',
    hooks: { SyncEfs: fails(new CacheUnwritableError('The cache is full. Clear it.')) },
    path: `${COMMIT} Compacted`,
    ends: 'SUCCEEDED',
  },
  {
    name: 'neither cache nor the release of the swap lock: committed all the same',
    hooks: { SyncEfs: fails(named('Error')), ReleaseLock: onCall(2, fails(named('TypeError'))) },
    path: `${COMMIT} Compacted`,
    ends: 'SUCCEEDED',
  },
  {
    name: 'leftovers of an execution that died before it finished',
    play: async (stage) => {
      await compact(stage);
      return compact(stage);
    },
    hooks: { FinishCompaction: fails(named('Error'), 1) },
    path: `${PLAN} FinishCompaction > More? > UpToDate`,
    ends: 'SUCCEEDED',
  },
  {
    name: 'Runtime.ExitError in the merge: half as many at a time',
    hooks: { MergeDeltas: fails(named('Runtime.ExitError'), 1) },
    path: `${CHECK} MergeDeltas > DiscardUpload > Backoff > ${ONE_BY_ONE}`,
    ends: 'SUCCEEDED',
  },
];
