/** Sends the requests of a delta to the engine, unchanged and in their order. */
import type { ReadDelta } from '../inbox/read-deltas.ts';
import type { EngineSession } from '../ports.ts';
import type { Merged } from './apply-deltas.ts';
import type { Presence } from './presence.ts';

/**
 * The outcome is added to `merged`. Each request counts as one operation that is carried out, even an `add` of an
 * existing record or an `update` of a missing one, since Chroma accepts those as well.
 * @throws EngineRejectedDataError, EngineUnavailableError
 */
export async function replayRequests(
  session: EngineSession,
  { deltaId, requests = [] }: ReadDelta,
  presence: Presence,
  merged: Merged,
): Promise<void> {
  for (const { op, body, ids } of requests) {
    if (op === 'delete') merged.missingDeletes += ids.filter((id) => !presence.present.has(id)).length;
    // Chroma refuses a request without ids, which has no effect anyway.
    if (ids.length > 0) await session.replay({ op, body });
    presence.replayed(op, ids);
  }
  merged.applied.set(deltaId, requests.length);
}
