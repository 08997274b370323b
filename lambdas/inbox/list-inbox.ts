/** Lists a collection's inbox, both pending and decided deltas. */
import type { Ports } from '../ports.ts';
import type { InboxEntry } from '../protocol/plan.ts';
import { inboxPrefix, parseDeltaKey } from '../snapshot/keys.ts';

/**
 * Objects whose key is not that of a delta are ignored: none of our producers wrote them.
 * @param to Ends with this delta id, and requests no page behind it.
 */
export async function listInbox(
  ports: Pick<Ports, 'store' | 'telemetry'>,
  collection: string,
  to?: string,
): Promise<InboxEntry[]> {
  const inbox: InboxEntry[] = [];
  for await (const page of listPages(ports, collection)) {
    for (const entry of page) {
      if (to !== undefined && entry.deltaId > to) return inbox;
      inbox.push(entry);
    }
    if (to !== undefined && page.at(-1)?.deltaId === to) return inbox;
  }
  return inbox;
}

/** The same page by page, in the order of keys. */
export async function* listPages(
  ports: Pick<Ports, 'store' | 'telemetry'>,
  collection: string,
): AsyncGenerator<InboxEntry[]> {
  for await (const page of ports.store.list(inboxPrefix(collection))) {
    const entries: InboxEntry[] = [];
    for (const { key, size, etag, lastModified } of page) {
      const deltaId = parseDeltaKey(key)?.deltaId;
      if (deltaId === undefined) ports.telemetry.warn('An object in the inbox is no delta; it is left alone.', { key });
      else entries.push({ deltaId, key, size, etag, lastModified });
    }
    yield entries;
  }
}
