/**
 * Fetches frames by coalesced ranged reads: from the cache where its copy verifies, otherwise from the store. Reading
 * overlaps with verifying, decompressing and writing; the memory that this takes is bounded, however much is fetched.
 */

import { mapLimit } from '../concurrency/map-limit.ts';
import { CorruptObjectError, ObjectNotFoundError } from '../errors/errors.ts';
import type { Cache, Ports } from '../ports.ts';
import { type Frame, isFrame, mismatch, openVerified } from '../snapshot/frames.ts';
import { release } from '../snapshot/release.ts';

/**
 * Largest ranged read, and the largest gap that is cheaper to read through than to skip with another request, in bytes.
 * Four reads of 4 MiB keep a link of 90 MB/s busy at 20 ms each, and hold 16 MiB.
 */
const MAX_SPAN = 4 * 1024 * 1024;
const MAX_GAP = 128 * 1024;
const PARALLEL_READS = 4;
/** Frames of one read that are decompressed and handed on together: 1 MiB. */
const FRAMES_AT_ONCE = 4;

/** Frames are only read, so a cache needs no other method. */
export type FetchPorts = Pick<Ports, 'store' | 'codec' | 'telemetry'> & { cache: Pick<Cache, 'read' | 'evict'> };

export interface FetchCounts {
  storeBytes: number;
  storeRequests: number;
  cacheBytes: number;
}

/** A frame and its bytes, decompressed. */
export interface OpenFrame {
  frame: Frame;
  raw: Uint8Array;
}

/** Neighbouring frames of one pack, read together. */
interface Span {
  packKey: string;
  start: number;
  end: number;
  frames: Frame[];
}

/**
 * Hand every frame, verified and decompressed, to `use`, several at a time and in no particular order. The bytes are
 * valid until the promise that `use` returns settles.
 * @throws CorruptObjectError (the store's copy does not match, or is missing)
 */
export async function fetchFrames(
  ports: FetchPorts,
  frames: Iterable<Frame>,
  use: (frames: readonly OpenFrame[]) => Promise<void>,
): Promise<FetchCounts> {
  const counts: FetchCounts = { storeBytes: 0, storeRequests: 0, cacheBytes: 0 };
  await mapLimit(coalesce(frames), PARALLEL_READS, async (span) => {
    const bytes = await readSpan(ports, span, counts);
    for (let at = 0; at < span.frames.length; at += FRAMES_AT_ONCE) {
      const opened = await open(ports, span, span.frames.slice(at, at + FRAMES_AT_ONCE), bytes);
      await use(opened);
      for (const { raw } of opened) release(raw);
    }
    release(bytes);
  });
  return counts;
}

async function open(
  { codec }: FetchPorts,
  span: Span,
  frames: readonly Frame[],
  bytes: Uint8Array,
): Promise<OpenFrame[]> {
  return mapLimit(frames, FRAMES_AT_ONCE, async (frame) => {
    const decompress = (stored: Uint8Array, rawLength: number) => codec.decompress(stored, rawLength);
    return { frame, raw: await openVerified(frame, part(span, frame, bytes), decompress) };
  });
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

/** The bytes of a span, every frame in it verified. */
async function readSpan(ports: FetchPorts, span: Span, counts: FetchCounts): Promise<Uint8Array> {
  const { packKey: key, start, end } = span;
  const cached = await ports.cache.read(key, { start, end });
  if (cached !== undefined) {
    if (span.frames.every((frame) => isFrame(frame, part(span, frame, cached)))) {
      counts.cacheBytes += cached.length;
      return cached;
    }
    release(cached);
    ports.telemetry.warn('A cached pack is damaged; it is dropped and read from the store instead.', { key });
    await ports.cache.evict(key);
  }
  try {
    const { body } = await ports.store.get(key, { range: { start, end } });
    counts.storeBytes += body.length;
    counts.storeRequests++;
    for (const frame of span.frames) {
      const stored = part(span, frame, body);
      if (!isFrame(frame, stored)) throw mismatch(frame, stored);
    }
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
