/** What waits in a collection, for how long, and why its last execution failed, for `status`, `explain` and `collections`. */
import { type Decided, type InboxObservation, OLDEST, observeInbox } from '../lambdas/inbox/observe-inbox.ts';
import type { Ports } from '../lambdas/ports.ts';
import type { LastError } from './executions-of.ts';

export interface Waiting {
  deltas: number;
  /** The one that has waited longest; `null`: none waits. */
  oldest: OldestDelta | null;
}

export interface OldestDelta {
  deltaId: string;
  /** ISO 8601, by the store's clock. */
  arrivedAt: string;
  ageSeconds: number;
}

/** @throws StoreUnavailableError, TableUnavailableError */
export async function readWaiting(ports: Ports, collection: string, version: Decided): Promise<Waiting> {
  const inbox = await observeInbox(ports, collection, version, OLDEST);
  return { deltas: inbox.pendingCount, oldest: oldestOf(inbox, ports.clock.now()) };
}

export function oldestOf({ oldest }: Pick<InboxObservation, 'oldest'>, now: number): OldestDelta | null {
  if (oldest === undefined) return null;
  const { deltaId, lastModified } = oldest;
  return { deltaId, arrivedAt: new Date(lastModified).toISOString(), ageSeconds: secondsSince(lastModified, now) };
}

/** Never negative, though the clocks of store and reader differ. */
export function secondsSince(at: number, now: number): number {
  return Math.max(0, Math.round((now - at) / 1_000));
}

/** `12 s old`, `12 min old`, `3 h old`, `2 days old`. */
export function age(seconds: number): string {
  if (seconds < 120) return `${seconds} s old`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min old`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h old`;
  return `${Math.round(seconds / 86_400)} days old`;
}

/** In a line. */
export function errorInWords({ error, message, execution, at, over }: LastError): string {
  return `${error}: ${message} (${execution}, ${at}${over ? '; a version was committed since' : ''})`;
}
