/**
 * Applies what waits to the server of a serving copy, by the code that also merges it, so that both produce the same
 * records.
 */

import {
  EngineRejectedDataError,
  EngineUnavailableError,
  InvariantViolatedError,
  type RefusedLine,
} from '../errors/errors.ts';
import { readDeltas, withoutRefused } from '../inbox/read-deltas.ts';
import type { WaitingDelta } from '../log/waiting-delta.ts';
import type { EngineSession, Ports } from '../ports.ts';
import { selectBatch } from '../protocol/plan.ts';
import type { LoadedManifest } from '../versions/load-manifest.ts';
import { applyInOrder } from './apply-deltas.ts';
import { withRefused } from './find-refused.ts';

/** What the server holds beyond its version: these deltas, applied in this order. */
export interface Overlay {
  deltas: readonly WaitingDelta[];
  /** Number of records, including those of the version. */
  records: number;
}

interface WaitingOptions {
  /**
   * What was already applied to this session, which others may be querying. Without it, nothing was applied, and nobody
   * queries the session.
   */
  overlay?: Overlay | undefined;
  /**
   * Lines that the engine is known to refuse, by the object in which they were found. They are left out, as a merge
   * will leave them out. Different content may be stored under the same id by now.
   */
  refused?: readonly RefusedLine[];
}

type WaitingPorts = Pick<Ports, 'store' | 'telemetry' | 'clock' | 'engine' | 'settings'>;

/**
 * Can the rest of these deltas be applied on top of the overlay? All writes of the log come before the deltas of
 * producers. So once a producer's delta is applied, a later write of the log would have to go before it, and a fresh
 * copy is needed.
 */
export function continues({ deltas: applied }: Pick<Overlay, 'deltas'>, deltas: readonly WaitingDelta[]): boolean {
  const isSame = ({ deltaId, etag }: WaitingDelta, n: number) =>
    deltaId === deltas[n]?.deltaId && etag === deltas[n]?.etag;
  return applied.length <= deltas.length && applied.every(isSame);
}

/**
 * Applies to a session, whose collection is open, those of the deltas that it does not have yet. Whatever this throws,
 * the session can no longer be used.
 * @param deltas All that wait, as `listUnconfirmed` returns them.
 * @returns what the session holds now: to be passed to the next call
 * @throws InvariantViolatedError (the deltas do not begin with the overlay: see `continues`), InboxChangedError (a
 * delta is decided by now, or cannot be read: list again), EngineRejectedDataError (start a fresh copy and leave out
 * its `refused` lines; if it has none, a merge will reject the delta as a whole), MergeVerificationError,
 * EngineUnavailableError (also when something is refused on top of an overlay: the search for the line writes lines in
 * any order, so it needs a fresh copy)
 */
export async function applyWaiting(
  ports: WaitingPorts,
  session: EngineSession,
  { manifest }: Pick<LoadedManifest, 'manifest'>,
  deltas: readonly WaitingDelta[],
  { overlay, refused = [] }: WaitingOptions = {},
): Promise<Overlay> {
  const { collection } = manifest;
  const before = overlay ?? { deltas: [], records: manifest.records };
  if (!continues(before, deltas)) {
    throw new InvariantViolatedError(
      `A serving copy of "${collection}" has deltas that come later. Take a fresh copy.`,
    );
  }
  let { records } = before;
  const limits = { maxDeltas: deltas.length, maxBytes: ports.settings.maxBytesPerCommit };
  for (let done = before.deltas.length; done < deltas.length; ) {
    const batch = selectBatch(deltas.slice(done).map(asListed), limits);
    const read = await readDeltas(ports, collection, batch, manifest.dimension, 0);
    const etags = new Map(batch.map(({ deltaId, etag }) => [deltaId, etag]));
    const own = refused.filter(({ deltaId, etag }) => etags.get(deltaId) === (etag ?? etags.get(deltaId)));
    try {
      records += await applyBatch(ports, session, { ...manifest, records }, read, own, overlay === undefined);
    } catch (error) {
      throw error instanceof EngineRejectedDataError ? withEtags(error, etags) : error;
    }
    done += read.length;
  }
  return { deltas, records };
}

type Shape = Parameters<typeof applyInOrder>[1];
type Read = Awaited<ReturnType<typeof readDeltas>>;

/**
 * @param mayBlame May this session be used to search for refused lines? @returns by how many records the collection
 * grows
 */
async function applyBatch(
  { engine }: Pick<Ports, 'engine'>,
  session: EngineSession,
  shape: Shape,
  read: Read,
  refused: readonly RefusedLine[],
  mayBlame: boolean,
): Promise<number> {
  const { version } = await engine.identify();
  const deltas = read.map((delta) => withoutRefused(delta, refused, version));
  try {
    return (await applyInOrder(session, shape, deltas)).growth;
  } catch (error) {
    if (!(error instanceof EngineRejectedDataError)) throw error;
    if (mayBlame) throw await withRefused(error, session, deltas);
    const message = `Chroma refuses a line that waits for "${shape.collection}", on a copy in use. Take a fresh copy.`;
    throw new EngineUnavailableError(message, { cause: error });
  }
}

function withEtags(error: EngineRejectedDataError, etags: ReadonlyMap<string, string>): EngineRejectedDataError {
  const refused = error.refused.map((line) => ({ ...line, etag: etags.get(line.deltaId) ?? '' }));
  return new EngineRejectedDataError(error.message, { cause: error, reason: error.reason, refused });
}

/** A delta's arrival time serves only to order it, and the order is already known here. */
function asListed(delta: WaitingDelta) {
  return { ...delta, lastModified: 0 };
}
