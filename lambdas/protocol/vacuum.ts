/**
 * When a snapshot is vacuumed automatically. Chroma never gives back the space of deleted and replaced records: it
 * keeps free pages for later ones, words of deleted texts in its full-text index, and deleted vectors in the vector
 * index.
 */

const MIB = 1024 * 1024;

/** The dead data in the files of a snapshot, and the live data beside it. */
export interface Waste {
  /** Size of the database, in bytes. */
  databaseBytes: number;
  freeBytes: number;
  /** Size of the full-text index without the texts themselves, in bytes, and the number of trigrams in the texts. */
  wordBytes: number;
  trigrams: number;
  /** Elements of the vector index, and those of deleted records among them. */
  elements: number;
  deadElements: number;
}

export const NO_WASTE: Waste = {
  databaseBytes: 0,
  freeBytes: 0,
  wordBytes: 0,
  trigrams: 0,
  elements: 0,
  deadElements: 0,
};

/** A vacuum rewrites everything, so it pays off only if half of that is dead, and enough in total. */
const SHARE = 0.5;
const LEAST_FREE_BYTES = 8 * MIB;
const LEAST_DEAD_ELEMENTS = 2_000;
/** Bytes that a trigram takes at most in a rebuilt index: measured in ADR 45. */
const BYTES_PER_TRIGRAM = 8;
/** Larger snapshots are vacuumed on request only, since it takes longer than a merge should (ADR 45). */
export const MAX_AUTOMATIC_BYTES = 64 * MIB;

export type VacuumAdvice = 'none' | 'vacuum' | 'too-large';

/** @param snapshotBytes Size of all files together. */
export function adviseVacuum(waste: Waste, snapshotBytes: number): VacuumAdvice {
  if (!isWasteful(waste)) return 'none';
  return snapshotBytes <= MAX_AUTOMATIC_BYTES ? 'vacuum' : 'too-large';
}

function isWasteful({ databaseBytes, freeBytes, wordBytes, trigrams, elements, deadElements }: Waste): boolean {
  const deadWordBytes = Math.max(0, wordBytes - BYTES_PER_TRIGRAM * trigrams);
  const free = freeBytes + deadWordBytes;
  if (free >= LEAST_FREE_BYTES && free >= SHARE * databaseBytes) return true;
  return deadElements >= LEAST_DEAD_ELEMENTS && deadElements >= SHARE * elements;
}
