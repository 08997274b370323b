/** The account at the end: nothing waits for nobody, and after the sweep and a last collection everything is as it should be. */
import type { LockItem } from '../../lambdas/protocol/lock.ts';
import { ask } from './actors.ts';
import { keyOfAside, keyOfReport } from './independent/formats.ts';
import { isSetAside } from './independent/rules.ts';
import { oldestPromised } from './oracle-retention.ts';
import type { CollectionTruth } from './truth.ts';
import type { World } from './world.ts';

const SWEEPS = 12;
/** Between sweeps: longer than any clock is wrong, so that no sweep falls into a minute that has had its execution. */
const APART_MS = 600_000;

export async function settleAccounts(world: World): Promise<void> {
  const { oracle } = world;
  const isBroken = () => oracle.violations.length > 0;
  if (isBroken()) return;
  if (world.machines.running > 0) return world.violate(`${world.machines.running} executions hang for ever`);
  for (const truth of oracle.truths.values()) judgeBeforeSweep(world, truth);
  if (isBroken()) return;
  if (!(await run(world, () => sweepAll(world)))) return;
  for (const truth of oracle.truths.values()) judgeAfterSweep(world, truth);
  for (const collection of oracle.truths.keys()) oracle.log(collection).judgeEnd(collection);
  await oracle.compareStatuses(world.table);
  if (isBroken()) return;
  if (!(await run(world, () => askAll(world)))) return;
  const begun = world.scheduler.now();
  if (!(await run(world, () => world.collectGarbage().then(() => {})))) return;
  for (const truth of oracle.truths.values()) await judgeGarbage(world, truth, begun);
}

/** To its end, in the world's own time. */
async function run(world: World, task: () => Promise<void>): Promise<boolean> {
  let failure: unknown;
  let isDone = false;
  task().then(
    () => {
      isDone = true;
    },
    (error: unknown) => {
      failure = error;
    },
  );
  await world.scheduler.drain(() => world.isOver());
  if (failure !== undefined) world.violate(`at the end, without faults: ${String(failure)}`);
  else if (!isDone && world.oracle.violations.length === 0) world.violate('at the end, something hangs for ever');
  return world.oracle.violations.length === 0;
}

/** The sweep would mend a stranded delta: it is looked for before. */
function judgeBeforeSweep(world: World, truth: CollectionTruth): void {
  const { collection } = truth;
  if (world.excuses.has(collection)) return;
  const item = world.table.locks.get(collection);
  const now = world.scheduler.now();
  if (isClaimed(item, now)) {
    world.violate(`all is quiet, and ${item?.claimOwner} still has the claim on "${collection}"`);
  }
  world.counts.judged++;
  for (const deltaId of truth.inbox.keys()) {
    world.violate(`delta ${deltaId} of "${collection}" lies in the inbox, and nobody will look before the sweep`);
  }
  for (const deltaId of truth.decided.keys()) {
    if (!truth.statuses.has(deltaId))
      world.violate(`delta ${deltaId} of "${collection}" was decided, and nobody writes its status`);
  }
}

function isClaimed(item: LockItem | undefined, now: number): boolean {
  return item?.claimOwner !== undefined && (item.claimExpiresAt ?? 0) > now;
}

async function sweepAll(world: World): Promise<void> {
  for (let n = 0; n < SWEEPS; n++) {
    await world.scheduler.wait(APART_MS);
    const { started } = await world.sweep();
    await world.scheduler.wait(APART_MS);
    if (started.length === 0) return;
  }
  world.violate(`after ${SWEEPS} sweeps, something still waits`);
}

function judgeAfterSweep(world: World, truth: CollectionTruth): void {
  const { collection, decided, overwritten, reports } = truth;
  const item = world.table.locks.get(collection);
  const now = world.scheduler.now();
  if (isClaimed(item, now))
    world.violate(`after the sweep, ${item?.claimOwner} still has the claim on "${collection}"`);
  if (item?.owner !== undefined && (item.expiresAt ?? 0) > now)
    world.violate(`after the sweep, ${item?.owner} still has the lock of "${collection}"`);
  for (const deltaId of truth.inbox.keys())
    world.violate(`after the sweep, delta ${deltaId} of "${collection}" lies in the inbox`);
  for (const [deltaId, contents] of truth.arrived) {
    const entry = decided.get(deltaId);
    if (entry === undefined) {
      world.violate(`delta ${deltaId} of "${collection}" was accepted and never decided`);
      continue;
    }
    if (entry.rejectedOperations > 0) world.counts.rejections++;
    const isKept = truth.aside.has(keyOfAside(collection, deltaId, entry.sha256));
    if (isSetAside(entry) && !isKept && !overwritten.has(`${deltaId} ${entry.sha256}`)) {
      world.violate(`delta ${deltaId} of "${collection}" was set aside, and its content is lost`);
    }
    if (entry.rejectedOperations > 0 && !reports.has(keyOfReport(collection, deltaId))) {
      world.violate(`delta ${deltaId} was rejected in part, and no report says so`);
    }
    for (const sha256 of contents) {
      const isAnswered = sha256 === entry.sha256 || reports.has(keyOfReport(collection, deltaId, sha256));
      if (!isAnswered && !overwritten.has(`${deltaId} ${sha256}`)) {
        world.violate(`a content of delta ${deltaId} of "${collection}" was neither decided nor reported`);
      }
    }
  }
}

async function askAll(world: World): Promise<void> {
  for (const { collection, deltaId, sha256 } of world.waiters) {
    if (world.oracle.unreached.isTaken(collection)) continue;
    if (await ask(world, world.client('last-question'), collection, deltaId, sha256)) continue;
    world.violate(`the waiter of ${deltaId} of "${collection}" gets no answer`);
  }
}

/**
 * After a last collection: exactly what retained versions reach.
 * @param begun When that collection began, in the world's time: a version whose retention ended later may go or stay.
 */
async function judgeGarbage({ raw, oracle, profile }: World, truth: CollectionTruth, begun: number): Promise<void> {
  const { retainedFrom } = truth.pointer;
  const oldest = oldestPromised(truth, 0, profile, begun);
  // Only what an earlier fence let go of, by a clock that was fast or for versions that came since, may be missing.
  if (retainedFrom < oldest) {
    oracle.violate(`versions from ${retainedFrom} on are kept, though only those from ${oldest} on are promised`);
  }
  const expected = truth.reachable();
  for (const prefix of [`manifests/${truth.collection}/`, `packs/${truth.collection}/`]) {
    for await (const page of raw.list(prefix)) {
      for (const { key } of page) {
        if (!expected.delete(key))
          oracle.violate(`garbage collection leaves "${key}", which no retained version needs`);
      }
    }
  }
  for (const key of expected) oracle.violate(`"${key}" is missing after garbage collection`);
}
