/**
 * Which unchanged blocks are written again to bound the fragmentation of a snapshot, however many commits made it (ADR
 * 0024). There are four measures of it:
 *
 * - **Waste.** A frame is read whole while any of its blocks is live. Dead bytes in such frames are fetched by cold
 *   readers for nothing. The frames with most of them are rewritten first.
 * - **Stored.** Bytes of packs, dead frames included. The emptiest packs are rewritten first.
 * - **Packs.** Beyond `MAX_PACKS` the smallest ones are merged, down to half the number, so that packs grow in tiers and
 *   a block is rewritten a logarithmic number of times.
 * - **Extents.** The most fragmented windows of 256 KiB are written in one piece.
 *
 * Waste, stored bytes and extents have two limits each (ADR 0058). Beyond the lower one (`WASTE`, `FULL`, `extentLimit`)
 * a commit rewrites a little along with what it changes, and the snapshot counts as fragmented: a defragmentation, which
 * is a commit of its own without deltas, brings it well below. The upper one (`MAX_WASTE`, `STORED`, `maxExtents`) holds
 * after every commit, whatever that takes.
 */
import { type Run, totalLength } from './changes.ts';
import type { ScannedFile } from './commit.ts';
import type { Frame } from './frames.ts';
import type { Manifest } from './manifest.ts';

/** Shares of the live bytes. */
export const WASTE = 0.25;
export const MAX_WASTE = 0.5;
export const FULL = 1.6;
export const STORED = 2;
/** What a defragmentation leaves: far enough below the limits that a few commits do not call for the next one. */
const WASTE_LEFT = 0.2;
const STORED_LEFT = 1.4;
export const MAX_PACKS = 32;
/** The unit in which fragmented ranges are rewritten. */
const WINDOW = 256 * 1024;
/** Of what a commit changes: as much it may rewrite below the upper limits. */
const ALONG = 1 / 8;

/** Bytes from which on rewriting matters. */
export interface RewriteScale {
  /** What any commit may rewrite below the upper limits, however little it changes. */
  along: number;
  /** Dead bytes, stored or fetched, that are worth a commit of their own. */
  leastDead: number;
}

const SCALE: RewriteScale = { along: WINDOW, leastDead: 16 * 1024 * 1024 };

const EXTENTS_AT_LEAST = 16_384;
const BYTES_PER_EXTENT = 16 * 1024;

/** Extents of a snapshot of this many bytes from which on it is fragmented. */
export function extentLimit(liveBytes: number): number {
  return Math.max(EXTENTS_AT_LEAST, Math.floor(liveBytes / BYTES_PER_EXTENT));
}

/** Most extents of a snapshot of this many bytes, apart from those that a window or frame boundary splits. */
export function maxExtents(liveBytes: number): number {
  return 2 * extentLimit(liveBytes);
}

/** A range that is kept where it is: `length` bytes of a file, in a frame of the base. */
interface Kept extends Run {
  path: string;
  frame: Frame;
}

interface LiveFrame {
  frame: Frame;
  live: number;
  kept: Kept[];
}

interface LivePack {
  rawSize: number;
  live: number;
  frames: Set<LiveFrame>;
}

/** The same files, with everything that the commit should write marked as changed: actual changes and rewrites. */
export function withRewrites(
  base: Manifest,
  files: readonly ScannedFile[],
  scale: RewriteScale = SCALE,
): ScannedFile[] {
  const repaired = repairTorn(base, files, maxExtents(sizeOf(files)));
  const layout = new Layout(base, repaired);
  const along = Math.max(scale.along, ALONG * totalLength(repaired.flatMap((file) => file.changed)));
  layout.limitStored(FULL, layout.limitWaste(WASTE, along));
  layout.limitWaste(MAX_WASTE);
  layout.limitStored(STORED);
  layout.limitPacks();
  return withRuns(repaired, layout.rewritten);
}

/** What a defragmentation writes: files that nobody changed, with their rewrites. Afterwards it is not fragmented. */
export function defragmented(base: Manifest, files: readonly ScannedFile[]): ScannedFile[] {
  const repaired = repairTorn(base, files, extentLimit(sizeOf(files)));
  const layout = new Layout(base, repaired);
  layout.limitWaste(WASTE_LEFT);
  layout.limitStored(STORED_LEFT);
  layout.limitPacks();
  return withRuns(repaired, layout.rewritten);
}

export function isFragmented(manifest: Manifest, { leastDead }: RewriteScale = SCALE): boolean {
  const files = manifest.files.map(({ path, size }) => ({ path, digests: { size, blocks: NOTHING }, changed: [] }));
  const live = sizeOf(files);
  if (manifest.files.reduce((sum, { extents }) => sum + extents.length, 0) > extentLimit(live)) return true;
  const layout = new Layout(manifest, files);
  const stored = layout.stored();
  if (stored - live < leastDead) return false;
  return layout.waste() > WASTE * live || stored > FULL * live;
}

const NOTHING = new Uint8Array();

function sizeOf(files: readonly ScannedFile[]): number {
  return files.reduce((sum, file) => sum + file.digests.size, 0);
}

/** The layout of the next version without further rewrites, and the rewrites decided so far. */
class Layout {
  readonly rewritten: Kept[] = [];
  readonly #packs = new Map<string, LivePack>();
  readonly #live: number;
  /** Bytes of the commit's own pack. */
  #fresh: number;

  constructor(base: Manifest, files: readonly ScannedFile[]) {
    this.#live = sizeOf(files);
    this.#fresh = totalLength(files.flatMap((file) => file.changed));
    const sizes = new Map(base.packs.map((pack) => [pack.key, pack.rawSize]));
    const frames = new Map<Frame, LiveFrame>();
    for (const kept of keptRanges(base, files)) {
      const { frame, length } = kept;
      let entry = frames.get(frame);
      if (entry === undefined) {
        entry = { frame, live: 0, kept: [] };
        frames.set(frame, entry);
      }
      let pack = this.#packs.get(frame.packKey);
      if (pack === undefined) {
        pack = { rawSize: sizes.get(frame.packKey) ?? 0, live: 0, frames: new Set() };
        this.#packs.set(frame.packKey, pack);
      }
      entry.live += length;
      entry.kept.push(kept);
      pack.live += length;
      pack.frames.add(entry);
    }
  }

  /** Dead bytes in frames that are still needed. */
  waste(): number {
    return this.#frames().reduce((sum, { frame, live }) => sum + frame.rawLength - live, 0);
  }

  /**
   * @param share Of the live bytes.
   * @param room Most bytes to rewrite.
   * @returns the room that is left
   */
  limitWaste(share: number, room = Number.POSITIVE_INFINITY): number {
    let waste = this.waste();
    let left = room;
    for (const entry of this.#frames().sort((a, b) => a.live / a.frame.rawLength - b.live / b.frame.rawLength)) {
      if (waste <= share * this.#live || entry.live > left) break;
      waste -= entry.frame.rawLength - entry.live;
      left -= entry.live;
      this.#rewrite(entry);
    }
    return left;
  }

  /** The same for the bytes of packs. With little room a pack is emptied by several commits, and stored until then. */
  limitStored(share: number, room = Number.POSITIVE_INFINITY): void {
    let left = room;
    while (this.stored() > share * this.#live && this.#packs.size > 0) {
      for (const entry of this.#emptiest().frames) {
        if (entry.live > left) return;
        left -= entry.live;
        this.#rewrite(entry);
      }
    }
  }

  limitPacks(): void {
    if (this.#count() <= MAX_PACKS) return;
    const smallest = [...this.#packs.values()].sort((a, b) => a.live - b.live);
    for (const pack of smallest) {
      if (this.#count() <= MAX_PACKS / 2) return;
      this.#rewritePack(pack);
    }
  }

  #frames(): LiveFrame[] {
    return [...this.#packs.values()].flatMap((pack) => [...pack.frames]);
  }

  #emptiest(): LivePack {
    return [...this.#packs.values()].reduce((a, b) => (b.live / b.rawSize < a.live / a.rawSize ? b : a));
  }

  #rewritePack(pack: LivePack): void {
    for (const entry of pack.frames) this.#rewrite(entry);
  }

  #rewrite(entry: LiveFrame): void {
    const { packKey } = entry.frame;
    const pack = this.#packs.get(packKey);
    if (!pack?.frames.delete(entry)) return;
    pack.live -= entry.live;
    if (pack.frames.size === 0) this.#packs.delete(packKey);
    this.#fresh += entry.live;
    this.rewritten.push(...entry.kept);
  }

  stored(): number {
    return [...this.#packs.values()].reduce((sum, pack) => sum + pack.rawSize, this.#fresh);
  }

  #count(): number {
    return this.#packs.size + (this.#fresh > 0 ? 1 : 0);
  }
}

/** Unchanged ranges of the files, each with the frame that holds it. */
function* keptRanges(base: Manifest, files: readonly ScannedFile[]): Generator<Kept> {
  const extents = new Map(base.files.map((file) => [file.path, file.extents]));
  for (const { path, digests, changed } of files) {
    let r = 0;
    for (const { offset, length, frame } of extents.get(path) ?? []) {
      const end = Math.min(offset + length, digests.size);
      for (let at = offset; at < end; ) {
        const run = changed[r];
        if (run !== undefined && run.offset + run.length <= at) r++;
        else if (run !== undefined && run.offset <= at) at = run.offset + run.length;
        else {
          const stop = Math.min(end, run?.offset ?? end);
          yield { path, offset: at, length: stop - at, frame };
          at = stop;
        }
      }
    }
  }
}

/** If there are more ranges in all than `limit`, marks the windows of files with the most ranges as changed. */
function repairTorn(base: Manifest, files: readonly ScannedFile[], limit: number): readonly ScannedFile[] {
  const changed = files.flatMap(({ path, changed }) => changed.map((run) => ({ path, ...run })));
  const ranges = new Map<string, { path: string; window: number; count: number }>();
  let total = 0;
  for (const { path, offset, length } of [...keptRanges(base, files), ...changed]) {
    for (let window = Math.floor(offset / WINDOW); window * WINDOW < offset + length; window++) {
      const id = `${window}/${path}`;
      const entry = ranges.get(id) ?? { path, window, count: 0 };
      entry.count++;
      total++;
      ranges.set(id, entry);
    }
  }
  if (total <= limit) return files;
  const sizes = new Map(files.map((file) => [file.path, file.digests.size]));
  const torn: Array<Run & { path: string }> = [];
  for (const { path, window, count } of [...ranges.values()].sort((a, b) => b.count - a.count)) {
    if (total <= (limit * 3) / 4 || count < 2) break;
    total -= count - 1;
    const offset = window * WINDOW;
    torn.push({ path, offset, length: Math.min(WINDOW, (sizes.get(path) ?? 0) - offset) });
  }
  return withRuns(files, torn);
}

/** Files with further ranges marked as changed. Ranges may touch and overlap. */
function withRuns(files: readonly ScannedFile[], more: ReadonlyArray<Run & { path: string }>): ScannedFile[] {
  const byPath = Map.groupBy(more, (run) => run.path);
  return files.map((file) => {
    const added = byPath.get(file.path);
    return added === undefined ? file : { ...file, changed: united([...file.changed, ...added]) };
  });
}

function united(runs: readonly Run[]): Run[] {
  const result: Run[] = [];
  for (const { offset, length } of [...runs].sort((a, b) => a.offset - b.offset)) {
    const last = result.at(-1);
    const end = offset + length;
    if (last === undefined || last.offset + last.length < offset) result.push({ offset, length });
    else last.length = Math.max(last.offset + last.length, end) - last.offset;
  }
  return result;
}
