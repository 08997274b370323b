/**
 * `data_level0.bin` of a persistent index: for each element its neighbours at level 0, its vector, and its label. The
 * space after the last element is unused, and may have any content.
 *
 * Facts from `initPersistentIndex`, `persistDirty`, `isMarkedDeleted` and `checkIntegrity` in hnswlib/hnswalg.h.
 */
import { demand, IndexFault } from './fault.ts';
import { type IndexHeader, WORD } from './header.ts';
import { checkList } from './lists.ts';

const COUNT_MASK = 0xffff;
const DELETED = 0x1_0000;
const EXPONENT = 0x7f80_0000;

/** Both files begin with room for all elements, and grow by whole elements, together. @throws IndexFault */
export function checkSizes(header: IndexHeader, dataBytes: number, lengthBytes: number): void {
  const { count, elementBytes } = header;
  const slots = dataBytes / elementBytes;
  demand(
    Number.isInteger(slots) && slots >= count,
    () => `data_level0.bin has ${dataBytes} bytes, which is no room for ${count} elements of ${elementBytes} bytes`,
  );
  demand(
    lengthBytes === slots * WORD,
    () => `length.bin has ${lengthBytes} bytes, which are not ${slots} lengths of ${WORD} bytes`,
  );
}

/** Checks the elements piece by piece. */
export class ElementCheck {
  /** By element; valid once all have been checked. */
  readonly labels: Uint32Array;
  readonly deleted: Uint8Array;
  readonly #header: IndexHeader;
  readonly #levels: Uint8Array;
  readonly #vectors: boolean;
  #next = 0;

  /** @param vectors whether to check the numbers of the vectors, too */
  constructor(header: IndexHeader, levels: Uint8Array, vectors: boolean) {
    this.#header = header;
    this.#levels = levels;
    this.#vectors = vectors;
    this.labels = new Uint32Array(header.count);
    this.deleted = new Uint8Array(header.count);
  }

  /** @param bytes Whole elements, which follow the previous ones. @throws IndexFault */
  take(bytes: Uint8Array): void {
    const { elementBytes } = this.#header;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length; at += elementBytes) this.#element(view, at, this.#next++);
  }

  #element(view: DataView, at: number, element: number): void {
    const { count, labelAt, maxNeighbours0 } = this.#header;
    const word = view.getUint32(at, true);
    if ((word & ~(COUNT_MASK | DELETED)) !== 0) throw new IndexFault(`element ${element} has unknown marks (${word})`);
    const neighbours = word & COUNT_MASK;
    // Every element but the first is linked as it comes, and the first to the second.
    if (neighbours === 0 && count > 1) throw new IndexFault(`element ${element} of ${count} has no neighbours`);
    checkList(view, at, { element, level: 0, count: neighbours, most: maxNeighbours0 }, this.#levels);
    const label = view.getBigUint64(at + labelAt, true);
    if (label >= 2n ** 32n) throw new IndexFault(`element ${element} has label ${label}`);
    this.labels[element] = Number(label);
    this.deleted[element] = (word & DELETED) === 0 ? 0 : 1;
    if (this.#vectors) this.#vector(view, at, element);
  }

  #vector(view: DataView, at: number, element: number): void {
    const { vectorAt, labelAt } = this.#header;
    for (let number = at + vectorAt; number < at + labelAt; number += WORD) {
      if ((view.getUint32(number, true) & EXPONENT) !== EXPONENT) continue;
      throw new IndexFault(`the vector of element ${element} holds a number that is not finite`);
    }
  }
}
