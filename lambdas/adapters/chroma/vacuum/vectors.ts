/**
 * Where the exact vector of every record of a closed directory is: in the index, or, if it was written since the index
 * was persisted, in the log. A server's answer is not exact: under cosine it multiplies the stored vector of length 1
 * by the length that it keeps separately, and rounds.
 */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { unlessAbsent } from '../../files/disk-errors.ts';
import { readFully } from '../../files/whole-reads.ts';
import { recordIds, type VectorSegment, vectorWrites } from '../vector-index/catalogue.ts';
import { type IndexHeader, LABEL_BYTES, readHeader, WORD } from '../vector-index/header.ts';
import { readMetadata } from '../vector-index/labels.ts';

const CHUNK_BYTES = 1024 * 1024;

/** The files of an index that is at rest. */
export interface IndexFiles {
  header: IndexHeader;
  data: FileHandle;
  lengths: FileHandle;
  idToLabel: ReadonlyMap<string, number>;
}

/** `undefined`: the index was never persisted. The caller closes the files. */
export async function openIndex(folder: string, flags: 'r' | 'r+'): Promise<IndexFiles | undefined> {
  const pickle = await unlessAbsent(readFile(join(folder, 'index_metadata.pickle')));
  if (pickle === undefined) return undefined;
  const { idToLabel } = readMetadata(pickle);
  const header = readHeader(await readFile(join(folder, 'header.bin')));
  const data = await open(join(folder, 'data_level0.bin'), flags);
  try {
    return { header, data, lengths: await open(join(folder, 'length.bin'), flags), idToLabel };
  } catch (error) {
    await data.close();
    throw error;
  }
}

export async function closeIndex(index: IndexFiles | undefined): Promise<void> {
  await index?.data.close();
  await index?.lengths.close();
}

/** Pieces of the file with whole elements, and how many, in order. A piece is valid until the next one. */
export async function* stretches({ header, data, lengths }: IndexFiles) {
  const { count, elementBytes } = header;
  const perStretch = Math.max(1, Math.floor(CHUNK_BYTES / elementBytes));
  for (let first = 0; first < count; first += perStretch) {
    const size = Math.min(perStretch, count - first);
    const elements = await readFully(data, Buffer.alloc(size * elementBytes), first * elementBytes);
    yield { first, size, elements, lengths: await readFully(lengths, Buffer.alloc(size * WORD), first * WORD) };
  }
}

/** Labels are of 64 bits in the file, and below 2^32 in an index that was checked. */
export function labelIn({ elementBytes }: IndexHeader, elements: Buffer, n: number): number {
  return elements.readUInt32LE(n * elementBytes + elementBytes - LABEL_BYTES);
}

export interface ExactVectors {
  /** From the log: vectors as they were sent. */
  sent: ReadonlyMap<string, Float32Array>;
  /** From the index: elements by the ids of their records, in the order of the file. */
  elements: ReadonlyMap<string, number>;
}

/**
 * The vector of every record of the collection, from one place or the other.
 * @throws Error (a record has none)
 */
export async function findVectors(
  database: DatabaseSync,
  segment: VectorSegment,
  index: IndexFiles | undefined,
): Promise<ExactVectors> {
  const records = recordIds(database, segment);
  const sent = new Map<string, Float32Array>();
  const rewritten = new Set<string>();
  const since = index === undefined ? 0 : (segment.indexed ?? 0);
  for (const { id, vector } of vectorWrites(database, segment.collection, since)) {
    rewritten.add(id);
    if (vector === undefined) sent.delete(id);
    else sent.set(id, vector);
  }
  for (const id of sent.keys()) if (!records.has(id)) sent.delete(id);
  const elements = new Map<string, number>();
  const labels = new Map<number, string>();
  for (const [id, label] of index?.idToLabel ?? []) if (records.has(id) && !rewritten.has(id)) labels.set(label, id);
  if (index !== undefined) {
    for await (const { first, size, elements: bytes } of stretches(index)) {
      for (let n = 0; n < size; n++) {
        const id = labels.get(labelIn(index.header, bytes, n));
        if (id !== undefined) elements.set(id, first + n);
      }
    }
  }
  const lost = [...records].find((id) => !sent.has(id) && !elements.has(id));
  if (lost !== undefined) throw new Error(`record "${lost}" has no vector`);
  return { sent, elements };
}
