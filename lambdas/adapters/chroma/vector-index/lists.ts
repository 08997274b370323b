/**
 * `link_lists.bin` of a persistent index: for each element in order the size of its lists above level 0, then the
 * lists, one per level, each with room for M neighbours: `count` in the low half of a word, then the neighbours'
 * numbers.
 *
 * The engine does not check these sizes: it reserves what one says, reads what is there, and writes it all back at the
 * next persist. Facts from `loadLinkLists`, `persistDirty` and `mutuallyConnectNewElement` in hnswlib/hnswalg.h.
 */
import { demand, IndexFault } from './fault.ts';
import { type IndexHeader, WORD } from './header.ts';

/** Levels are drawn from an exponential distribution: 64 would be one of more than 2^64 elements. */
const MAX_LEVEL = 64;

/** Level of each element. @throws IndexFault */
export function readLevels(bytes: Uint8Array, header: IndexHeader): Uint8Array {
  const { count, maxNeighbours, maxLevel } = header;
  demand(maxLevel <= MAX_LEVEL, () => `header.bin says there are ${maxLevel} levels`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const levelBytes = (maxNeighbours + 1) * WORD;
  const levels = new Uint8Array(count);
  let at = 0;
  for (let element = 0; element < count; element++) {
    demand(at + WORD <= bytes.length, () => `link_lists.bin ends before element ${element} of ${count}`);
    const size = view.getUint32(at, true);
    at += WORD;
    const level = size / levelBytes;
    demand(
      Number.isInteger(level) && level <= maxLevel,
      () =>
        `link_lists.bin says element ${element} has ${size} bytes of links; ${maxLevel} levels of ${levelBytes} is the most`,
    );
    demand(at + size <= bytes.length, () => `link_lists.bin ends within element ${element} of ${count}`);
    levels[element] = level;
    at += size;
  }
  demand(at === bytes.length, () => `link_lists.bin has ${bytes.length} bytes, of which ${count} elements take ${at}`);
  const { entryPoint } = header;
  demand(
    count === 0 || levels[entryPoint] === maxLevel,
    () => `the entry, element ${entryPoint}, is at level ${levels[entryPoint]}, not at ${maxLevel}`,
  );
  return levels;
}

/** Every list above level 0 names existing elements of its level. @throws IndexFault */
export function checkUpperLists(bytes: Uint8Array, header: IndexHeader, levels: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const levelBytes = (header.maxNeighbours + 1) * WORD;
  let at = 0;
  for (const [element, height] of levels.entries()) {
    at += WORD;
    for (let level = 1; level <= height; level++) {
      checkList(view, at, { element, level, count: view.getUint32(at, true), most: header.maxNeighbours }, levels);
      at += levelBytes;
    }
  }
}

export interface List {
  element: number;
  level: number;
  count: number;
  most: number;
}

/** @param at Where the list's first word begins. @throws IndexFault */
export function checkList(view: DataView, at: number, { element, level, count, most }: List, levels: Uint8Array): void {
  if (count > most) {
    throw new IndexFault(`element ${element} has ${count} neighbours at level ${level}; ${most} is the most`);
  }
  for (let n = 1; n <= count; n++) {
    const neighbour = view.getUint32(at + n * WORD, true);
    if (neighbour !== element && neighbour < levels.length && (levels[neighbour] ?? 0) >= level) continue;
    throw new IndexFault(
      neighbour < levels.length
        ? `element ${element} links to element ${neighbour} at level ${level}, where that cannot be`
        : `element ${element} links to element ${neighbour}, of ${levels.length}`,
    );
  }
}
