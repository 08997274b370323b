/** Sends the requests of a delta to the engine, as they came and in their order. */
import type { ReadDelta } from '../inbox/read-deltas.ts';
import type { EngineSession } from '../ports.ts';
import type { Merged } from './apply-deltas.ts';
import type { Presence } from './presence.ts';

/**
 * What became of it is put into `merged`: each request counts as one operation that is carried out, an `add` of a record
 * that is there and an `update` of one that is not as well, as Chroma has it.
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
    // Chroma refuses a request without ids, which asks for nothing.
    if (ids.length > 0) await session.replay({ op, body });
    presence.replayed(op, ids);
  }
  merged.applied.set(deltaId, requests.length);
}
