/**
 * Computes what to fetch to turn one snapshot into another, for cold hydrates, refreshes and repairs of dirty
 * directories alike.
 */
import type { Extent, Frame } from './frames.ts';
import type { SnapshotFile } from './manifest.ts';

/** Bytes to write into a file: part of an extent of the target. */
export interface Write extends Extent {
  path: string;
}

export interface SnapshotDiff {
  /** Files that the target does not have. */
  removes: string[];
  /** Files that are new or change their size; resize them before writing. */
  resizes: Array<{ path: string; size: number }>;
  /** Ranges whose content may differ. */
  writes: Write[];
}

export function diff(base: readonly SnapshotFile[], target: readonly SnapshotFile[]): SnapshotDiff {
  const baseFiles = new Map(base.map((file) => [file.path, file]));
  const targetPaths = new Set(target.map((file) => file.path));
  const result: SnapshotDiff = {
    removes: base.filter((file) => !targetPaths.has(file.path)).map((file) => file.path),
    resizes: [],
    writes: [],
  };
  for (const file of target) {
    const before = baseFiles.get(file.path);
    if (before?.size !== file.size) result.resizes.push({ path: file.path, size: file.size });
    if (before !== undefined && before.size === file.size && before.digest === file.digest) continue;
    for (const extent of changedExtents(before?.extents ?? [], file.extents)) {
      result.writes.push({ path: file.path, ...extent });
    }
  }
  return result;
}

/** Parts of `target` that do not lie at the same place in `base` with the same source. Both in file order. */
export function changedExtents(base: readonly Extent[], target: readonly Extent[]): Extent[] {
  const changed: Extent[] = [];
  let b = 0;
  for (const extent of target) {
    let at = extent.offset;
    const end = extent.offset + extent.length;
    while (at < end) {
      const before = base[b];
      if (before !== undefined && before.offset + before.length <= at) {
        b++;
        continue;
      }
      const overlaps = before !== undefined && before.offset <= at;
      const next = before === undefined ? end : overlaps ? before.offset + before.length : before.offset;
      const stop = Math.min(end, next);
      if (!(overlaps && sameSource(before, extent))) append(changed, slice(extent, at, stop));
      at = stop;
    }
  }
  return changed;
}

/** The part of an extent from file offset `start` to `end`. */
export function slice(extent: Extent, start: number, end: number): Extent {
  return {
    offset: start,
    length: end - start,
    frame: extent.frame,
    frameOffset: extent.frameOffset + (start - extent.offset),
  };
}

/** Append an extent, joining it with the last one when they are neighbours in the file and in the frame. */
export function append(extents: Extent[], extent: Extent): void {
  const last = extents.at(-1);
  const joins =
    last !== undefined &&
    last.offset + last.length === extent.offset &&
    isSameFrame(last.frame, extent.frame) &&
    last.frameOffset + last.length === extent.frameOffset;
  if (joins) last.length += extent.length;
  else extents.push({ ...extent });
}

/**
 * Extents of a file after a commit: `fresh` where something changed, the base's everywhere else.
 * `fresh` is in file order without overlaps; together they must cover `size` bytes.
 */
export function weave(base: readonly Extent[], fresh: readonly Extent[], size: number): Extent[] {
  const woven: Extent[] = [];
  let at = 0;
  let b = 0;
  const keepBaseUntil = (end: number) => {
    for (let extent = base[b]; extent !== undefined && extent.offset < end; extent = base[++b]) {
      const start = Math.max(at, extent.offset);
      const stop = Math.min(end, extent.offset + extent.length);
      if (start < stop) append(woven, slice(extent, start, stop));
      if (extent.offset + extent.length > end) break;
    }
    at = end;
  };
  for (const extent of fresh) {
    if (extent.offset > at) keepBaseUntil(extent.offset);
    append(woven, extent);
    at = extent.offset + extent.length;
  }
  if (at < size) keepBaseUntil(size);
  return woven;
}

function sameSource(a: Extent, b: Extent): boolean {
  return isSameFrame(a.frame, b.frame) && a.frameOffset - a.offset === b.frameOffset - b.offset;
}

function isSameFrame(a: Frame, b: Frame): boolean {
  return a.packKey === b.packKey && a.offset === b.offset;
}
