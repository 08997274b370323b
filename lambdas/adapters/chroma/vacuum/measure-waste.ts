/** Measures the dead data of a closed directory without reading much of it. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { NO_WASTE, type Waste } from '../../../protocol/vacuum.ts';
import { unlessAbsent } from '../../files/disk-errors.ts';
import { DATABASE, openAtRest } from '../database.ts';
import { vectorSegments } from '../vector-index/catalogue.ts';
import { readHeader } from '../vector-index/header.ts';

/** Bytes that FTS5 puts into one row of an index: its default `pgsz`. */
const WORD_PAGE_BYTES = 4_050;
/** Row of FTS5's totals: number of texts, then of tokens in each column, which are trigrams here. */
const TOTALS = 1;
/**
 * Row of FTS5's structure: after a cookie, the numbers of levels, of segments and of writes; for each level, of
 * segments that are being merged and of all; for each segment its id, first leaf and last one ("Structure Record
 * Format" in SQLite's fts5_index.c). Counting the leaves themselves would read the whole index, since SQLite counts
 * rows page by page.
 */
const STRUCTURE = 10;
const COOKIE_BYTES = 4;

/** @throws Error (a file cannot be read) */
export async function measureWaste(path: string, collection: string): Promise<Waste> {
  const file = join(path, DATABASE);
  const databaseBytes = (await unlessAbsent(stat(file)))?.size;
  if (databaseBytes === undefined) return NO_WASTE;
  const database = openAtRest(file);
  try {
    const [segment] = vectorSegments(database, collection);
    const elements = segment === undefined ? 0 : await elementsIn(join(path, segment.id));
    const value = (sql: string) => Number(Object.values(database.prepare(sql).get() ?? {})[0]);
    const records = value('SELECT count(*) FROM embeddings');
    return {
      databaseBytes,
      freeBytes: value('PRAGMA freelist_count') * value('PRAGMA page_size'),
      wordBytes: leavesIn(database) * WORD_PAGE_BYTES,
      trigrams: trigramsIn(database),
      elements,
      // The newest records may not be in the index yet, so at least this many elements are dead.
      deadElements: Math.max(0, elements - records),
    };
  } finally {
    database.close();
  }
}

async function elementsIn(folder: string): Promise<number> {
  const header = await unlessAbsent(readFile(join(folder, 'header.bin')));
  return header === undefined ? 0 : readHeader(header).count;
}

function trigramsIn(database: DatabaseSync): number {
  const [, trigrams = 0] = varints(blockOf(database, TOTALS));
  return trigrams;
}

function leavesIn(database: DatabaseSync): number {
  const numbers = varints(blockOf(database, STRUCTURE).subarray(COOKIE_BYTES)).values();
  const next = () => numbers.next().value ?? 0;
  const levels = next();
  next();
  next();
  let leaves = 0;
  for (let level = 0; level < levels; level++) {
    next();
    for (let segments = next(); segments > 0; segments--) {
      next();
      const first = next();
      leaves += next() - first + 1;
    }
  }
  return leaves;
}

function blockOf(database: DatabaseSync, id: number): Uint8Array {
  const row = database.prepare('SELECT block FROM embedding_fulltext_search_data WHERE id = ?').get(id);
  return row?.block instanceof Uint8Array ? row.block : new Uint8Array();
}

/** A varint of SQLite: seven bits per byte, the highest first, and a bit for whether more follow. */
function varints(bytes: Uint8Array): number[] {
  const found: number[] = [];
  let value = 0;
  for (const byte of bytes) {
    value = value * 128 + (byte & 127);
    if (byte >= 128) continue;
    found.push(value);
    value = 0;
  }
  return found;
}
