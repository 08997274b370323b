/** Checks the files of a collection's vector segments byte by byte, against each other and against the database. */
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { systemCode, unlessAbsent } from '../../files/disk-errors.ts';
import { openAtRest } from '../database.ts';
import { afterWaiting, recordIds, type VectorSegment, vectorSegments } from './catalogue.ts';
import { checkSizes, ElementCheck } from './elements.ts';
import { demand, IndexFault } from './fault.ts';
import { type IndexHeader, readHeader } from './header.ts';
import { checkLabels, type IndexMetadata, readMetadata } from './labels.ts';
import { checkUpperLists, readLevels } from './lists.ts';

const CHUNK_BYTES = 1024 * 1024;
const INDEX_FILES = ['data_level0.bin', 'header.bin', 'index_metadata.pickle', 'length.bin', 'link_lists.bin'] as const;

export interface IndexCheckOptions {
  /** Also check the numbers of all vectors, and compare every record's id with those in the database. */
  thorough: boolean;
  /** Paths of files that have not changed since they were found intact. A segment with only such files is skipped. */
  untouched?: ReadonlySet<string>;
}

/**
 * Describes the fault in the vector index of a collection in a closed directory; `undefined` if there is none. An index
 * that was never persisted is not a fault: the engine builds it from the writes that the database keeps until then.
 * @param database Path of the database.
 * @throws Error (a file cannot be read for another reason than its content)
 */
export async function findIndexFault(
  directory: string,
  database: string,
  collection: string,
  { thorough, untouched = new Set() }: IndexCheckOptions,
): Promise<string | undefined> {
  const opened = openAtRest(database);
  try {
    for (const segment of vectorSegments(opened, collection)) {
      if (INDEX_FILES.every((name) => untouched.has(`${segment.id}/${name}`))) continue;
      const metadata = await checkFiles(join(directory, segment.id), segment, thorough);
      if (thorough) checkRecords(opened, segment, metadata);
    }
    return undefined;
  } catch (error) {
    if (error instanceof IndexFault) return error.message;
    throw error;
  } finally {
    opened.close();
  }
}

/** Paths of all index files in a directory. */
export async function indexFiles(directory: string): Promise<string[]> {
  const names = (await unlessAbsent(readdir(directory, { recursive: true }))) ?? [];
  return names.filter((name) => INDEX_FILES.some((file) => name.endsWith(`/${file}`)));
}

/** @returns `undefined` when the index was never persisted */
async function checkFiles(
  folder: string,
  segment: VectorSegment,
  thorough: boolean,
): Promise<IndexMetadata | undefined> {
  const pickle = await unlessAbsent(readFile(join(folder, 'index_metadata.pickle')));
  if (pickle === undefined) {
    demand(
      (segment.indexed ?? 0) === 0,
      () => `index_metadata.pickle is missing, and the database says that writes up to ${segment.indexed} are in it`,
    );
    return undefined;
  }
  const metadata = readMetadata(pickle);
  const header = readHeader(await contentOf(folder, 'header.bin'));
  checkDimension(segment, metadata, header);
  const links = await contentOf(folder, 'link_lists.bin');
  const levels = readLevels(links, header);
  checkUpperLists(links, header, levels);
  const { labels, deleted } = await checkElements(folder, header, levels, thorough);
  checkLabels(metadata, labels, deleted);
  return metadata;
}

function checkDimension({ dimension }: VectorSegment, metadata: IndexMetadata, header: IndexHeader): void {
  const said = [metadata.dimension, dimension].find((other) => other !== null && other !== header.dimension);
  demand(said === undefined, () => `header.bin says the dimension is ${header.dimension}, and others say ${said}`);
  // Labels have 32 bits.
  const { totalElementsAdded: total } = metadata;
  demand(total >= 0 && total < 2 ** 31, () => `index_metadata.pickle says ${total} elements were added`);
}

async function checkElements(folder: string, header: IndexHeader, levels: Uint8Array, thorough: boolean) {
  const { count, elementBytes } = header;
  const data = await openFile(folder, 'data_level0.bin');
  try {
    const { size } = await data.stat();
    checkSizes(header, size, (await lengthsOf(folder)).size);
    const check = new ElementCheck(header, levels, thorough);
    const perChunk = Math.max(1, Math.floor(CHUNK_BYTES / elementBytes));
    const buffer = Buffer.allocUnsafe(Math.min(perChunk, Math.max(1, count)) * elementBytes);
    for (let done = 0; done < count; done += perChunk) {
      const wanted = Math.min(perChunk, count - done) * elementBytes;
      const { bytesRead } = await data.read(buffer, 0, wanted, done * elementBytes);
      demand(bytesRead === wanted, () => 'data_level0.bin ends too early');
      check.take(buffer.subarray(0, wanted));
    }
    return check;
  } finally {
    await data.close();
  }
}

async function lengthsOf(folder: string) {
  const lengths = await openFile(folder, 'length.bin');
  try {
    return await lengths.stat();
  } finally {
    await lengths.close();
  }
}

/**
 * Every record is in the index or waits to be indexed. An element without a record is not a sign of damage: Chroma 0.5
 * sometimes leaves a deleted record's vector in the index. If the database does not say what is indexed, all writes in
 * its log count as waiting: some engines take the number from the pickle, and some start again from the first.
 */
function checkRecords(database: DatabaseSync, segment: VectorSegment, metadata: IndexMetadata | undefined): void {
  const { collection, indexed } = segment;
  const records = recordIds(database, segment);
  const since = metadata === undefined ? 0 : (indexed ?? 0);
  const found = afterWaiting(database, new Set(metadata?.idToLabel.keys()), collection, since);
  const missing = [...records].filter((id) => !found.has(id));
  demand(missing.length === 0, () => `${missing.length} records have no vector, "${missing[0]}" among them`);
}

async function contentOf(folder: string, name: string): Promise<Buffer> {
  return missingIsFault(name, readFile(join(folder, name)));
}

async function openFile(folder: string, name: string) {
  return missingIsFault(name, open(join(folder, name)));
}

async function missingIsFault<T>(name: string, operation: Promise<T>): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw new IndexFault(`${name} is missing`);
    throw error;
  }
}
