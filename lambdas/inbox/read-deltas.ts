/** Reads the deltas of a batch whole, and only in the generation that was listed. */

import { mapLimit } from '../concurrency/map-limit.ts';
import {
  InboxChangedError,
  ObjectNotFoundError,
  PreconditionFailedError,
  type RefusedLine,
  StoreUnavailableError,
} from '../errors/errors.ts';
import { hashObject } from '../objects/hash-object.ts';
import type { Ports } from '../ports.ts';
import { METRICS } from '../protocol/metrics.ts';
import type { InboxEntry } from '../protocol/plan.ts';
import { sha256 } from '../snapshot/blocks.ts';
import {
  countLines,
  MAX_DELTA_BYTES,
  MAX_DELTA_LINES,
  MAX_DELTA_VALUES,
  type ParsedDelta,
  parseInPieces,
  rejectedWhole,
  textOf,
} from '../snapshot/delta.ts';
import { MAX_REJECTIONS_PER_DELTA } from '../snapshot/ledger.ts';
import { numberIn } from '../snapshot/log-number.ts';
import { REJECTION, reportedId } from '../snapshot/operation.ts';
import { release } from '../snapshot/release.ts';
import { isRequestDelta, type NumberedRequest } from '../snapshot/request-delta.ts';
import { parseRequests } from './parse-requests.ts';

/** The bytes of a batch are bounded, so reading more at once takes no more memory. */
const PARALLEL_READS = 32;
/** How many times an execution plans again because of unreadable deltas before it skips them. */
export const PATIENCE = 3;

export interface ReadDelta extends ParsedDelta {
  deltaId: string;
  /** Present in a delta of requests, which has no operations. */
  requests?: readonly NumberedRequest[];
  /** Digest of the whole object as it is stored, hex. */
  sha256: string;
  /** Size of its text after decompression. */
  bytes: number;
}

type ReadPorts = Pick<Ports, 'store' | 'telemetry' | 'clock'>;

/**
 * Read and parse the first deltas of a batch: all, or as many as one merge can hold. An unreadable delta is skipped
 * once the execution has planned `PATIENCE` times; in the log, those behind it are skipped as well.
 * @param isLogBlocked A write of the log was skipped before this batch.
 * @throws InboxChangedError (a delta changed, vanished or cannot be read: plan again)
 */
export async function readDeltas(
  ports: ReadPorts,
  collection: string,
  batch: readonly InboxEntry[],
  dimension: number,
  inboxChanges: number,
  isLogBlocked = false,
): Promise<ReadDelta[]> {
  const deltas: ReadDelta[] = [];
  const load = { lines: 0, values: 0, bytes: 0 };
  // For uncompressed deltas this is the number of bytes for which the batch was selected.
  const maxBytes = Math.max(
    MAX_DELTA_BYTES,
    batch.reduce((sum, { size }) => sum + size, 0),
  );
  let isBlocked = isLogBlocked;
  const mayGo = isLogBlocked ? batch.filter((entry) => !isOfLog(entry)) : batch;
  for (let start = 0; start < mayGo.length; start += PARALLEL_READS) {
    const window = mayGo.slice(start, start + PARALLEL_READS);
    const bodies = await mapLimit(window, PARALLEL_READS, (entry) => readBody(ports, collection, entry, inboxChanges));
    for (const [n, body] of bodies.entries()) {
      const entry = window[n];
      if (entry === undefined) continue;
      isBlocked ||= body === undefined && isOfLog(entry);
      if (body === undefined || (isBlocked && isOfLog(entry))) continue;
      const opened = body instanceof Uint8Array ? open(entry, body) : body;
      load.lines += 'text' in opened ? opened.lines : 0;
      load.bytes += 'text' in opened ? opened.text.length : 0;
      if (deltas.length > 0 && (load.lines > MAX_DELTA_LINES || load.bytes > maxBytes)) return deltas;
      const delta = 'text' in opened ? await parse(ports, opened, dimension) : opened;
      load.values += delta.values;
      if (deltas.length > 0 && load.values > MAX_DELTA_VALUES) return deltas;
      deltas.push(delta);
    }
  }
  return deltas;
}

/** Is this a write of the log? None of those may overtake another. */
export function isOfLog({ deltaId }: InboxEntry): boolean {
  return numberIn(deltaId) !== undefined;
}

/** `undefined`: skip it. A delta that is too large to be parsed is rejected here. */
async function readBody(
  ports: ReadPorts,
  collection: string,
  entry: InboxEntry,
  inboxChanges: number,
): Promise<Uint8Array | ReadDelta | undefined> {
  try {
    if (entry.size > MAX_DELTA_BYTES) return await refuseLarge(ports, entry);
    return (await ports.store.get(entry.key, { ifMatch: entry.etag })).body;
  } catch (error) {
    const isGone = error instanceof ObjectNotFoundError || error instanceof PreconditionFailedError;
    if (!isGone && !(error instanceof StoreUnavailableError)) throw error;
    if (isGone || inboxChanges < PATIENCE) {
      const message = `Delta "${entry.key}" changed, vanished or could not be read. Plan again.`;
      throw new InboxChangedError(message, { cause: error });
    }
    ports.telemetry.warn('A delta stays unreadable; it is passed over.', { key: entry.key, reason: error.message });
    ports.telemetry.metric(METRICS.unreadableDelta, 1, { collection });
    return undefined;
  }
}

async function refuseLarge(ports: ReadPorts, entry: InboxEntry): Promise<ReadDelta> {
  const reason = `The delta has ${entry.size} bytes; at most ${MAX_DELTA_BYTES} are read. Send several smaller ones.`;
  const digest = await hashObject(ports, entry);
  const { deltaId, size: bytes } = entry;
  return { deltaId, sha256: digest, bytes, ...rejectedWhole(REJECTION.deltaTooLarge, reason) };
}

interface OpenedDelta extends Pick<ReadDelta, 'deltaId' | 'sha256'> {
  text: Uint8Array;
  lines: number;
}

/** Decompresses the delta if it is compressed. One that cannot be decompressed is rejected. */
function open({ deltaId }: InboxEntry, body: Uint8Array): OpenedDelta | ReadDelta {
  const digest = sha256(body);
  const text = textOf(body);
  if ('rejections' in text) return { deltaId, sha256: digest, bytes: body.length, ...text };
  if (text !== body) release(body);
  return { deltaId, sha256: digest, text, lines: countLines(text) };
}

/** Between two pieces other tasks run, above all the heartbeat. */
async function parse({ clock }: ReadPorts, opened: OpenedDelta, dimension: number): Promise<ReadDelta> {
  const { text, lines, ...rest } = opened;
  const pieces = isRequestDelta(text) ? parseRequests(text, lines) : parseInPieces(text, dimension, lines);
  for (;;) {
    const { done, value } = pieces.next();
    if (done) {
      const delta = { ...rest, bytes: text.length, ...value };
      release(text);
      return delta;
    }
    await clock.sleep(0);
  }
}

/** Operations that remain to be carried out; each request counts as one. */
export function operationsLeft({ operations, requests = [] }: Pick<ReadDelta, 'operations' | 'requests'>): number {
  return operations.length + requests.length;
}

/** The delta without these lines, which are listed in its rejections instead. */
export function withoutRefused(delta: ReadDelta, refused: readonly RefusedLine[], engineVersion: string): ReadDelta {
  const own = new Map(refused.filter(({ deltaId }) => deltaId === delta.deltaId).map((found) => [found.line, found]));
  if (own.size === 0) return delta;
  const rejections = [...own.values()].map(({ line, id, reason }) => ({
    line,
    ...reportedId(id),
    error: REJECTION.rejectedByEngine,
    reason: `Chroma ${engineVersion} refuses this line: ${reason}.`.replace(/\.+$/, '.'),
  }));
  return {
    ...delta,
    operations: delta.operations.filter(({ line }) => !own.has(line)),
    ...(delta.requests && { requests: delta.requests.filter(({ line }) => !own.has(line)) }),
    rejections: [...delta.rejections, ...rejections].sort((a, b) => a.line - b.line).slice(0, MAX_REJECTIONS_PER_DELTA),
    rejectedOperations: delta.rejectedOperations + own.size,
  };
}
