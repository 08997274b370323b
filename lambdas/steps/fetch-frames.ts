/** Fetches frames by coalesced ranged reads, from the cache where it has them right, else from the store. */
import type { Cache, Ports } from '../ports.ts';
import { CorruptObjectError, ObjectNotFoundError } from '../protocol/errors.ts';
import { type Frame, isFrame, openFrame } from '../snapshot/frames.ts';
import { mapLimit } from './waits.ts';

/** Largest ranged read, and the largest gap that is cheaper to read than to ask again for, in bytes. */
const MAX_SPAN = 8 * 1024 * 1024;
const MAX_GAP = 128 * 1024;
const PARALLEL_READS = 4;

/** Frames are only read: any cache that can be read will do. */
export type FetchPorts = Pick<Ports, 'store' | 'telemetry'> & { cache: Pick<Cache, 'read' | 'evict'> };

export interface FetchCounts {
  storeBytes: number;
  storeRequests: number;
  cacheBytes: number;
}

/** Neighbouring frames of one pack, read together. */
interface Span {
  packKey: string;
  start: number;
  end: number;
  frames: Frame[];
}

/**
 * Hand every frame, verified and decompressed, to `use`, in no particular order.
 * @throws CorruptObjectError (the store's copy does not match, or is missing)
 */
export async function fetchFrames(
  ports: FetchPorts,
  frames: Iterable<Frame>,
  use: (frame: Frame, raw: Uint8Array) => Promise<void>,
): Promise<FetchCounts> {
  const counts: FetchCounts = { storeBytes: 0, storeRequests: 0, cacheBytes: 0 };
  await mapLimit(coalesce(frames), PARALLEL_READS, async (span) => {
    const bytes = await readSpan(ports, span, counts);
    for (const frame of span.frames) await use(frame, openFrame(frame, part(span, frame, bytes)));
  });
  return counts;
}

/** Frames in pack order, joined into spans. A frame that occurs more than once is read once. */
export function coalesce(frames: Iterable<Frame>): Span[] {
  const unique = new Map([...frames].map((frame) => [`${frame.packKey}@${frame.offset}`, frame]));
  const sorted = [...unique.values()].sort((a, b) =>
    a.packKey === b.packKey ? a.offset - b.offset : a.packKey < b.packKey ? -1 : 1,
  );
  const spans: Span[] = [];
  for (const frame of sorted) {
    const end = frame.offset + frame.length;
    const last = spans.at(-1);
    const joins = last?.packKey === frame.packKey && frame.offset - last.end <= MAX_GAP && end - last.start <= MAX_SPAN;
    if (last !== undefined && joins) {
      last.end = Math.max(last.end, end);
      last.frames.push(frame);
    } else spans.push({ packKey: frame.packKey, start: frame.offset, end, frames: [frame] });
  }
  return spans;
}

async function readSpan(ports: FetchPorts, span: Span, counts: FetchCounts): Promise<Uint8Array> {
  const { packKey: key, start, end } = span;
  const cached = await ports.cache.read(key, { start, end });
  if (cached !== undefined) {
    if (span.frames.every((frame) => isFrame(frame, part(span, frame, cached)))) {
      counts.cacheBytes += cached.length;
      return cached;
    }
    ports.telemetry.warn('A cached pack is damaged; it is dropped and read from the store instead.', { key });
    await ports.cache.evict(key);
  }
  try {
    const { body } = await ports.store.get(key, { range: { start, end } });
    counts.storeBytes += body.length;
    counts.storeRequests++;
    return body;
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError)) throw error;
    throw new CorruptObjectError(
      `Pack "${key}" is missing although a manifest refers to it. Restore it from a bucket version, or roll back to a ` +
        'version that does not need it.',
      { cause: error },
    );
  }
}

function part(span: Span, frame: Frame, bytes: Uint8Array): Uint8Array {
  const start = frame.offset - span.start;
  return bytes.subarray(start, start + frame.length);
}
