/** The current version beside what waits for it. */
import type { Ports } from '../ports.ts';
import type { InboxEntry } from '../protocol/plan.ts';
import { takeable } from '../protocol/plan.ts';
import { type CurrentVersion, loadCurrentBeside } from '../versions/load-current.ts';
import { readPointer } from '../versions/read-pointer.ts';
import { listInbox } from './list-inbox.ts';

/**
 * The inbox was listed after the pointer was read. A commit that lands in between takes numbers out of the inbox that the
 * version does not have, and leaves a gap before those behind them: then both are read again, so that nobody takes that
 * for an inbox in which nothing can be done. A gap that stays is closed by a write that is on its way, and wakes somebody.
 * @throws StoreUnavailableError, TableUnavailableError, and those of the pointer
 */
export async function loadCurrentInbox(
  ports: Pick<Ports, 'store' | 'statuses' | 'telemetry'>,
  collection: string,
): Promise<[CurrentVersion, InboxEntry[]]> {
  for (;;) {
    const [current, inbox] = await loadCurrentBeside(ports, collection, () => listInbox(ports, collection));
    const behind = inbox.length - takeable(inbox, current.manifest.numbered).length;
    if (behind === 0) return [current, inbox];
    if ((await readPointer(ports, collection)).etag === current.etag) {
      ports.telemetry.warn('Writes of the log wait behind a number that is not there yet.', { collection, behind });
      return [current, inbox];
    }
  }
}
