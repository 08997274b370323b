/** The current version, and what waits to be merged into it. */
import type { Ports } from '../ports.ts';
import type { InboxEntry } from '../protocol/plan.ts';
import { takeable } from '../protocol/plan.ts';
import { type CurrentVersion, loadCurrentBeside } from '../versions/load-current.ts';
import { readPointer } from '../versions/read-pointer.ts';
import { listInbox } from './list-inbox.ts';

/**
 * The inbox is listed after the pointer is read. A commit in between removes numbers from the inbox that the version
 * read does not have yet, which leaves a gap. Then both are read again, because otherwise there would seem to be
 * nothing to do. A gap that remains belongs to a write in flight, which wakes an execution when it lands.
 * @param to As in `listInbox`.
 * @throws StoreUnavailableError, TableUnavailableError, and those of the pointer
 */
export async function loadCurrentInbox(
  ports: Pick<Ports, 'store' | 'statuses' | 'telemetry'>,
  collection: string,
  to?: string,
): Promise<[CurrentVersion, InboxEntry[]]> {
  for (;;) {
    const [current, inbox] = await loadCurrentBeside(ports, collection, () => listInbox(ports, collection, to));
    const behind = inbox.length - takeable(inbox, current.manifest.numbered).length;
    if (behind === 0) return [current, inbox];
    if ((await readPointer(ports, collection)).etag === current.etag) {
      ports.telemetry.warn('Writes of the log wait behind a number that is not there yet.', { collection, behind });
      return [current, inbox];
    }
  }
}
