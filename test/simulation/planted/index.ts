/** All planted bugs, by name. Each must be caught: a simulator that misses one would miss it in the product, too. */
import * as announce from './announce.ts';
import * as aside from './aside.ts';
import * as claims from './claims.ts';
import * as garbage from './garbage.ts';
import * as merge from './merge.ts';
import type { Plant } from './plant.ts';
import * as settle from './settle.ts';
import * as swap from './swap.ts';
import * as tables from './tables.ts';
import * as vacuum from './vacuum.ts';

export const PLANTED: Readonly<Record<string, () => Plant>> = {
  'no If-Match': swap.noIfMatch,
  'If-Match of a re-read ETag': swap.rereadEtag,
  '412 taken as loss': swap.conflictIsLoss,
  'upload discarded on an unknown outcome': swap.discardUnknown,
  'rebase keeps the old plan': swap.rebaseKeepsPlan,
  'commitId per execution': swap.commitIdPerExecution,
  'ledger forgotten': merge.ledgerForgotten,
  'ledger dropped at the next commit': merge.ledgerDropped,
  'statuses read before the pointer': merge.earlyStatuses,
  'rejection report before the swap': merge.earlyReport,
  'status written after the inbox delete': settle.statusAfterDelete,
  'status written before the event': announce.statusBeforeEvent,
  'inbox delete without comparing content': settle.deleteUncompared,
  'deltas deleted at once after the swap': settle.deletedAtOnce,
  'leftovers never finished': settle.leftoversForgotten,
  'set-aside content not kept': aside.asideForgotten,
  'set aside at the first failure': aside.asideAtOnce,
  'late heartbeat steals': claims.heartbeatSteals,
  'release deletes the lock item': claims.releaseDeletesItem,
  'claim let go without looking at wake': claims.wakeIgnored,
  'claim taken without holding the lock': claims.claimWithoutLock,
  'refused release taken as released': claims.refusalIgnored,
  'delegation to oneself': claims.selfDelegation,
  'delegation without waking': claims.silentDelegation,
  'dirty working directory reused': settle.dirtyReused,
  'collection without the fence': garbage.unfencedCollection,
  'candidates listed after the fence': garbage.listedAfterFence,
  'rollback below retainedFrom': garbage.rollbackBelowRetained,
  'retention counted from sealing': garbage.countedFromSealing,
  'a table known by its name alone': tables.nameAlone,
  'a vacuum leaves out a record, and compares with its memory': vacuum.recordLeftOut,
  'a snapshot emptied with records in it': vacuum.emptiedWithRecords,
};
