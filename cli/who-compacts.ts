/** Whether anybody is compacting a collection, for those who wait for it. */
import { isClaimLive } from '../lambdas/protocol/lock.ts';
import { readPointer } from '../lambdas/versions/read-pointer.ts';
import { type LastError, lastError, runningOf } from './executions-of.ts';
import type { Target } from './target.ts';

export interface Compacting {
  /** Owner of the claim, or else an execution of the collection that runs; `null`: nobody. */
  by: string | null;
  /** Why nobody does, perhaps: the last failure, if no version was committed since. */
  lastError: LastError | null;
}

/** @throws TableUnavailableError, StoreUnavailableError, and what Step Functions says */
export async function whoCompacts(target: Target, collection: string): Promise<Compacting> {
  const { locks, clock } = target.ports;
  const item = await locks.readLock(collection);
  if (isClaimLive(item, clock.now())) return { by: item?.claimOwner ?? '', lastError: null };
  const running = await runningOf(target, collection);
  if (running !== undefined) return { by: running.name ?? '', lastError: null };
  const { pointer } = await readPointer(target.ports, collection);
  const last = await lastError(target, collection, pointer.committedAt);
  return { by: null, lastError: last === null || last.over ? null : last };
}

/** Without a full stop. */
export function compactingInWords(collection: string, { by, lastError: last }: Compacting): string {
  if (by !== null) return `${by} is compacting "${collection}": compactor explain ${by}`;
  const nobody = `Nobody is compacting "${collection}": compactor start ${collection}`;
  if (last === null) return nobody;
  return `${nobody}. The last execution failed with ${last.error}: compactor explain ${last.execution}`;
}
