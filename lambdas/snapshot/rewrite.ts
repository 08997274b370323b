/**
 * Which unchanged blocks a commit rewrites to bound the fragmentation of a snapshot, however many small commits made it
 * (ADR 0024). Every commit pays for the fragmentation that it causes, instead of one in forty rewriting everything:
 *
 * - **Waste.** A frame is read whole while any of its blocks is live. Dead bytes in such frames are fetched by cold
 *   readers for nothing: at most `WASTE` of the live bytes. The frames with most of them are rewritten first. Beyond
 *   the limit, such a frame is at most 1 / (1 + WASTE) live, so each byte of waste costs at most 4 bytes written.
 * - **Stored.** Packs, including dead frames, hold at most `STORED` times the live bytes. The emptiest packs are
 *   rewritten first: at most half of each is live, so a byte freed costs at most a byte written. From `STORED_SOFT` on,
 *   every commit does a part of it.
 * - **Packs.** At most `MAX_PACKS`; beyond that the smallest ones are merged, down to half the number, so that packs
 *   grow in tiers and a block is rewritten a logarithmic number of times.
 * - **Extents.** At most `extentLimit`; beyond that the most fragmented windows of 256 KiB are written in one piece.
 */
import { type Run, totalLength } from './changes.ts';
import type { ScannedFile } from './commit.ts';
import type { Frame } from './frames.ts';
import type { Manifest } from './manifest.ts';

export const WASTE = 0.25;
export const STORED = 2;
export const STORED_SOFT = 1.6;
export const MAX_PACKS = 32;
/**
 * The unit in which fragmented ranges are rewritten, and the least that a commit may rewrite to keep below `STORED`.
 */
const WINDOW = 256 * 1024;
const EXTENTS_AT_LEAST = 16_384;
const BYTES_PER_EXTENT = 16 * 1024;

/** Most extents of a snapshot of this many bytes, apart from those that a window or frame boundary splits. */
export function extentLimit(liveBytes: number): number {
  return Math.max(EXTENTS_AT_LEAST, Math.floor(liveBytes / BYTES_PER_EXTENT));
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
export function withRewrites(base: Manifest, files: readonly ScannedFile[]): ScannedFile[] {
  const repaired = repairTorn(base, files);
  const layout = new Layout(base, repaired);
  layout.limitWaste();
  layout.limitStored(totalLength(files.flatMap((file) => file.changed)));
  layout.limitPacks();
  return withRuns(repaired, layout.rewritten);
}

/** The layout of the next version without further rewrites, and the rewrites decided so far. */
class Layout {
  readonly rewritten: Kept[] = [];
  readonly #packs = new Map<string, LivePack>();
  readonly #live: number;
  /** Bytes of the commit's own pack. */
  #fresh: number;

  constructor(base: Manifest, files: readonly ScannedFile[]) {
    this.#live = files.reduce((sum, file) => sum + file.digests.size, 0);
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

  limitWaste(): void {
    const frames = [...this.#packs.values()].flatMap((pack) => [...pack.frames]);
    let waste = frames.reduce((sum, { frame, live }) => sum + frame.rawLength - live, 0);
    const emptiest = frames.sort((a, b) => a.live / a.frame.rawLength - b.live / b.frame.rawLength);
    for (const entry of emptiest) {
      if (waste <= WASTE * this.#live) return;
      waste -= entry.frame.rawLength - entry.live;
      this.#rewrite(entry);
    }
  }

  /** @param changed Bytes that the commit must write anyway: optional rewrites are limited to as much again. */
  limitStored(changed: number): void {
    this.#emptyAtLeisure(Math.max(WINDOW, changed));
    // Checked afterwards, since a pack that is half empty is still stored.
    while (this.#stored() > STORED * this.#live && this.#packs.size > 0) this.#rewritePack(this.#emptiest());
  }

  #emptyAtLeisure(bytes: number): void {
    let room = bytes;
    while (this.#stored() > STORED_SOFT * this.#live && this.#packs.size > 0) {
      for (const entry of this.#emptiest().frames) {
        if (entry.live > room) return;
        room -= entry.live;
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

  #stored(): number {
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

/** If there are too many ranges in all, marks the windows of files with the most ranges as changed. */
function repairTorn(base: Manifest, files: readonly ScannedFile[]): readonly ScannedFile[] {
  const limit = extentLimit(files.reduce((sum, file) => sum + file.digests.size, 0));
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
