/** What waits in a collection's inbox, read in the order that makes the plan right. */
import type { Ports } from '../ports.ts';
import type { DeltaStatus, LedgerEntry } from '../protocol/ledger.ts';
import { type InboxEntry, type Plan, plan } from '../protocol/plan.ts';
import { inboxPrefix, parseDeltaKey } from '../snapshot/keys.ts';

export interface InboxObservation extends Plan {
  inbox: InboxEntry[];
  statuses: Map<string, DeltaStatus>;
}

/**
 * List the inbox, *then* read the statuses of everything in it and in the ledger, consistently. The ledger must come
 * from a manifest that was read before.
 */
export async function observeInbox(
  ports: Pick<Ports, 'store' | 'statuses' | 'telemetry'>,
  collection: string,
  ledger: readonly LedgerEntry[],
): Promise<InboxObservation> {
  const inbox = await listInbox(ports, collection);
  const ids = new Set([...inbox.map((entry) => entry.deltaId), ...ledger.map((entry) => entry.deltaId)]);
  const statuses = await ports.statuses.getStatuses(collection, [...ids]);
  return { inbox, statuses, ...plan(ledger, inbox, statuses) };
}

/** Objects whose key is no delta's are left alone: no producer of ours wrote them. */
export async function listInbox(ports: Pick<Ports, 'store' | 'telemetry'>, collection: string): Promise<InboxEntry[]> {
  const inbox: InboxEntry[] = [];
  for await (const page of ports.store.list(inboxPrefix(collection))) {
    for (const { key, size, etag, lastModified } of page) {
      const deltaId = parseDeltaKey(key)?.deltaId;
      if (deltaId === undefined) ports.telemetry.warn('An object in the inbox is no delta; it is left alone.', { key });
      else inbox.push({ deltaId, key, size, etag, lastModified });
    }
  }
  return inbox;
}
