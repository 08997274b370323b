/** Finds out whether anything is left to do in a collection, and which deltas cannot be read. */

import { ObjectNotFoundError, PreconditionFailedError, StoreUnavailableError } from '../errors/errors.ts';
import { hashObject } from '../objects/hash-object.ts';
import type { Ports } from '../ports.ts';
import { type InboxEntry, takeable } from '../protocol/plan.ts';
import { numberIn } from '../snapshot/log-number.ts';
import type { Manifest } from '../snapshot/manifest.ts';
import { loadCurrentBeside } from '../versions/load-current.ts';
import { readPointer } from '../versions/read-pointer.ts';
import { listPages } from './list-inbox.ts';

/** Is there work that an execution could do? An unreadable delta does not count. */
export async function isAnythingWaiting(ports: Ports, collection: string): Promise<boolean> {
  const { isSome, unreadable } = await findWork(ports, collection);
  if (!isSome) passOver(ports, unreadable);
  return isSome;
}

export interface Work {
  isSome: boolean;
  /** Keys of deltas that cannot be read; complete if there is no work. */
  unreadable: string[];
  /** Of the version that was current when the look began. */
  manifest: Manifest;
}

/**
 * Every readable object in the inbox is work, whether pending or decided, so the first one settles the question; the
 * statuses of the ledger are read only if there is none. Of the log, only the first numbers are looked at: see
 * `isLogWork`.
 */
export async function findWork(ports: Ports, collection: string): Promise<Work> {
  const unreadable: string[] = [];
  const log: InboxEntry[] = [];
  const lookForReadable = () => {
    log.length = 0;
    return holdsReadable(ports, collection, unreadable, log);
  };
  const [{ manifest, etag }, isReadable] = await loadCurrentBeside(ports, collection, lookForReadable);
  if (isReadable || (await isLogWork(ports, manifest, log, unreadable))) return { isSome: true, unreadable, manifest };
  // The gap may be due to a commit that took what was in it: then the next look finds work.
  const hasGap = takeable(log, manifest.numbered).length < log.length;
  if (hasGap && (await readPointer(ports, collection)).etag !== etag) return { isSome: true, unreadable, manifest };
  const ids = manifest.ledger.map((entry) => entry.deltaId);
  const statuses = await ports.statuses.getStatuses(collection, ids);
  return { isSome: ids.some((deltaId) => !statuses.has(deltaId)), unreadable, manifest };
}

/** Logs why a delta is left in the inbox. */
export function passOver(ports: Ports, unreadable: readonly string[]): void {
  for (const key of unreadable) {
    ports.telemetry.warn('A delta stays unreadable; it does not count as work.', { key });
  }
}

/** Looks among the deltas of producers; writes of the log are collected in `log`. */
async function holdsReadable(
  ports: Ports,
  collection: string,
  unreadable: string[],
  log: InboxEntry[],
): Promise<boolean> {
  for await (const page of listPages(ports, collection)) {
    for (const entry of page) {
      if (numberIn(entry.deltaId) !== undefined) log.push(entry);
      else if (await isReadable(ports, entry, unreadable)) return true;
    }
  }
  return false;
}

/** A decided number still has to be deleted. Of the others only the next one can be merged, since none overtakes it. */
async function isLogWork(
  ports: Ports,
  { numbered = 0 }: Pick<Manifest, 'numbered'>,
  log: readonly InboxEntry[],
  unreadable: string[],
): Promise<boolean> {
  for (const entry of takeable(log, numbered)) {
    if ((numberIn(entry.deltaId) ?? 0) > numbered + 1) return false;
    if (await isReadable(ports, entry, unreadable)) return true;
  }
  return false;
}

/** Reads the whole object, as a merge would, since an object that fails halfway cannot be merged either. */
async function isReadable(ports: Ports, entry: InboxEntry, unreadable: string[]): Promise<boolean> {
  try {
    await hashObject(ports, entry);
    return true;
  } catch (error) {
    if (error instanceof PreconditionFailedError) return true;
    if (error instanceof ObjectNotFoundError) return false;
    if (!(error instanceof StoreUnavailableError)) throw error;
    unreadable.push(entry.key);
    return false;
  }
}
