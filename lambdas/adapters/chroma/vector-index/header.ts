/**
 * `header.bin` of a persistent index: fourteen numbers, little-endian, with sizes of a 64-bit system. Everything but
 * the number of elements, the capacity, the entry point and three settings follows from the dimension and M, so a
 * damaged field contradicts the others.
 *
 * Facts from `HEADER_FIELDS`, `persistHeader` and the constructor in hnswlib/hnswalg.h of chroma-core/hnswlib, which
 * the Python package chroma-hnswlib (Chroma 0.4 to 0.6) and the server written in Rust (1.x) share.
 */
import { demand } from './fault.ts';

const HEADER_BYTES = 100;
export const WORD = 4;
export const LABEL_BYTES = 8;
const PERSISTENCE_VERSION = 1;
/** `M` and lengths of lists are kept in 16 bits; a mark of deletion takes the ones above. */
const MAX_M0 = 0xffff;
/** An engine reserves and clears some 50 bytes for each element of the capacity, so an absurd one takes all memory. */
const SPARE_CAPACITY = 1_000_000;
const CAPACITY_FACTOR = 64;

export interface IndexHeader {
  /** Capacity, in elements, when it is opened. */
  capacity: number;
  /** Elements, including those marked as deleted. */
  count: number;
  dimension: number;
  /** Bytes of an element in `data_level0.bin`: list, vector, label. */
  elementBytes: number;
  /** Where the vector, and where the label, begins in an element. */
  vectorAt: number;
  labelAt: number;
  /** Highest level of any element; -1 without elements. */
  maxLevel: number;
  entryPoint: number;
  /** Most neighbours of an element at level 0, and above. */
  maxNeighbours0: number;
  maxNeighbours: number;
  efConstruction: number;
}

/** @throws IndexFault */
export function readHeader(bytes: Uint8Array): IndexHeader {
  demand(bytes.length === HEADER_BYTES, () => `header.bin has ${bytes.length} bytes, not ${HEADER_BYTES}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const size = (at: number, name: string): number => {
    const value = view.getBigUint64(at, true);
    demand(value <= Number.MAX_SAFE_INTEGER, () => `header.bin says ${name} is ${value}`);
    return Number(value);
  };
  const version = view.getInt32(0, true);
  demand(version === PERSISTENCE_VERSION, () => `header.bin has version ${version}, not ${PERSISTENCE_VERSION}`);
  const fields = {
    offsetLevel0: size(4, 'the offset of level 0'),
    capacity: size(12, 'its capacity'),
    count: size(20, 'the number of elements'),
    elementBytes: size(28, 'the size of an element'),
    labelAt: size(36, 'the offset of the label'),
    vectorAt: size(44, 'the offset of the vector'),
    maxLevel: view.getInt32(52, true),
    entryPoint: view.getUint32(56, true),
    maxNeighbours: size(60, 'the number of neighbours'),
    maxNeighbours0: size(68, 'the number of neighbours at level 0'),
    m: size(76, 'M'),
    mult: view.getFloat64(84, true),
    efConstruction: size(92, 'ef_construction'),
  };
  checkShape(fields);
  checkContents(fields);
  const { capacity, count, elementBytes, labelAt, vectorAt, maxLevel, entryPoint } = fields;
  const dimension = (labelAt - vectorAt) / WORD;
  const { maxNeighbours, maxNeighbours0, efConstruction } = fields;
  return {
    ...{ capacity, count, dimension, elementBytes, labelAt, vectorAt, maxLevel, entryPoint },
    ...{ maxNeighbours, maxNeighbours0, efConstruction },
  };
}

interface Fields {
  offsetLevel0: number;
  capacity: number;
  count: number;
  elementBytes: number;
  labelAt: number;
  vectorAt: number;
  maxLevel: number;
  entryPoint: number;
  maxNeighbours: number;
  maxNeighbours0: number;
  m: number;
  mult: number;
  efConstruction: number;
}

/** What the dimension and M imply. */
function checkShape({ offsetLevel0, elementBytes, labelAt, vectorAt, ...fields }: Fields): void {
  const { m, maxNeighbours, maxNeighbours0, mult, efConstruction } = fields;
  demand(
    m >= 1 && maxNeighbours === m && maxNeighbours0 === 2 * m && maxNeighbours0 <= MAX_M0,
    () => `header.bin says M is ${m}, and that elements have up to ${maxNeighbours} and ${maxNeighbours0} neighbours`,
  );
  // The logarithms of two C libraries may differ in the last bit.
  const expected = 1 / Math.log(m);
  demand(
    mult === expected || Math.abs(mult - expected) < 1e-9 * expected,
    () => `header.bin says the level multiplier is ${mult}; M of ${m} means ${expected}`,
  );
  demand(
    efConstruction >= m && efConstruction <= 2 ** 32,
    () => `header.bin says ef_construction is ${efConstruction}, with M of ${m}`,
  );
  const vectorBytes = labelAt - vectorAt;
  demand(
    offsetLevel0 === 0 &&
      vectorAt === (maxNeighbours0 + 1) * WORD &&
      vectorBytes >= WORD &&
      vectorBytes % WORD === 0 &&
      elementBytes === labelAt + LABEL_BYTES,
    () =>
      `header.bin says an element has its list at ${offsetLevel0}, its vector at ${vectorAt}, its label at ${labelAt} ` +
      `and ${elementBytes} bytes`,
  );
}

/** What the number of elements implies. */
function checkContents({ capacity, count, maxLevel, entryPoint }: Fields): void {
  demand(
    count <= capacity && count < 2 ** 31,
    () => `header.bin says there are ${count} elements in room for ${capacity}`,
  );
  const most = CAPACITY_FACTOR * count + SPARE_CAPACITY;
  demand(capacity <= most, () => `header.bin says there is room for ${capacity} elements, with ${count} in it`);
  const hasEntry = count === 0 ? maxLevel === -1 && entryPoint === 2 ** 32 - 1 : maxLevel >= 0 && entryPoint < count;
  demand(hasEntry, () => `header.bin says the entry is element ${entryPoint} of ${count}, at level ${maxLevel}`);
}
