/** Opening the database of a Chroma directory that is at rest. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { unlessAbsent } from '../files/disk-errors.ts';
import { readFully } from '../files/whole-reads.ts';

export const DATABASE = 'chroma.sqlite3';
/** Of SQLite's file format: its header, where that says how the file is to be read, and that it is in WAL mode. */
const HEADER_SIZE = 100;
const READ_VERSION = 19;
const WAL = 2;

/**
 * For reading only, as a file that nobody writes: no lock, and no file beside it, which a database in WAL mode would get
 * from every other way of opening it. Whoever has journals beside it must not be read like this: they are passed over.
 */
export function openAtRest(file: string): DatabaseSync {
  return new DatabaseSync(urlAtRest(file), { readOnly: true });
}

export function urlAtRest(file: string): URL {
  const url = pathToFileURL(file);
  url.searchParams.set('immutable', '1');
  return url;
}

/**
 * Make the database of a closed directory one file again, whatever journal mode its engine, or whoever made it, likes:
 * what is committed in a write-ahead log goes into the database, and later transactions leave no log. A directory
 * without a database, or with one in another mode, is left alone.
 * @throws Error (it cannot be read, or somebody has it open)
 */
export async function leaveWal(directory: string): Promise<void> {
  const file = join(directory, DATABASE);
  if ((await readHeader(file))[READ_VERSION] !== WAL) return;
  const database = new DatabaseSync(file);
  try {
    const mode = database.prepare('PRAGMA journal_mode = DELETE').get()?.journal_mode;
    if (mode !== 'delete') throw new Error(`its journal mode stays "${mode}"`);
  } finally {
    database.close();
  }
}

/** The first bytes, which every transaction changes; empty for no file. */
export async function readHeader(file: string): Promise<Buffer> {
  const handle = await unlessAbsent(open(file));
  try {
    return handle === undefined ? Buffer.alloc(0) : await readFully(handle, Buffer.alloc(HEADER_SIZE), 0);
  } finally {
    await handle?.close();
  }
}
