/** Opening the database of a Chroma directory that is at rest. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { unlessAbsent } from '../files/disk-errors.ts';
import { readFully } from '../files/whole-reads.ts';

export const DATABASE = 'chroma.sqlite3';
/** SQLite's file format: the length of the header, where it gives the read version, and the value for WAL mode. */
const HEADER_SIZE = 100;
const READ_VERSION = 19;
const WAL = 2;

/**
 * Open for reading as an immutable file: without a lock, and without the companion files that a database in WAL mode
 * gets when it is opened in any other way. Must not be used while there is a journal, which would be ignored.
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
 * Make the database of a closed directory a single file again, whatever journal mode its maker chose: committed
 * transactions move from the write-ahead log into the database, and later ones leave no log. A directory without a
 * database, or with one in another mode, is left alone.
 * @throws Error (it cannot be read, or another process has it open)
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

/** The first bytes, which every transaction changes; empty if there is no file. */
export async function readHeader(file: string): Promise<Buffer> {
  const handle = await unlessAbsent(open(file));
  try {
    return handle === undefined ? Buffer.alloc(0) : await readFully(handle, Buffer.alloc(HEADER_SIZE), 0);
  } finally {
    await handle?.close();
  }
}
