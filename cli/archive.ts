/** Unpacks a Chroma directory from a `.tar.gz`, in a way that can do no harm. */
import { open, readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { extract, list, type ReadEntry } from 'tar';
import { DATABASE } from '../lambdas/adapters/chroma/database.ts';
import { isOfParquet, OF_PARQUET } from '../lambdas/adapters/chroma/survey.ts';
import { InvalidInputError } from '../lambdas/errors/errors.ts';

const MAX_ENTRIES = 10_000;
/** Folders above the database, besides the archive's own root. */
const MAX_DEPTH = 2;

/**
 * Unpack into an empty directory, and return the folder that holds the database. The whole archive is checked first: it
 * is refused if it has links, devices, absolute paths, `..`, too many entries, or more bytes than are allowed or free.
 * @throws InvalidInputError
 */
export async function unpack(archive: string, into: string, maxBytes: number): Promise<string> {
  const { bsize, bavail } = await statfs(into);
  const limit = Math.min(maxBytes, bsize * bavail);
  let entries = 0;
  let total = 0;
  const refuse = (what: string) => new InvalidInputError(`"${archive}" is refused: ${what}. Nothing was imported.`);
  // Kept, and thrown afterwards: nobody could catch an error thrown while the stream is parsed.
  let refusal: string | undefined;
  const check = (path: string, { type, size = 0 }: ReadEntry) => {
    entries++;
    total += size;
    const isSafe = !path.startsWith('/') && !path.includes('\\') && !path.split('/').includes('..');
    const isPlain = ['File', 'OldFile', 'ContiguousFile', 'Directory'].includes(type);
    if (!isPlain) refusal ??= `"${path}" is a ${type}, and neither a file nor a folder`;
    if (!isSafe) refusal ??= `"${path}" leads out of the archive`;
    if (entries > MAX_ENTRIES) refusal ??= `it has more than ${MAX_ENTRIES} entries`;
    if (total > limit) refusal ??= `it unpacks to more than ${limit} bytes (--max-gib, or what the disk has free)`;
    return refusal === undefined;
  };
  const filter = (path: string, entry: unknown) => check(path, entry as ReadEntry);
  try {
    await refuseOthers(archive);
    // Nothing is written before every header has been checked.
    await list({ file: archive, strict: true, filter });
    [entries, total] = [0, 0];
    const options = { strict: true, noChmod: true, noMtime: true, preserveOwner: false };
    if (refusal === undefined) await extract({ file: archive, cwd: into, ...options, filter });
  } catch (cause) {
    if (cause instanceof InvalidInputError) throw cause;
    throw new InvalidInputError(
      `"${archive}" cannot be unpacked: it is no tar archive, or a damaged one (${(cause as Error).message}). ${REPACK}`,
      { cause },
    );
  }
  if (refusal !== undefined) throw refuse(refusal);
  const found = await findDatabases(into, MAX_DEPTH);
  const [folder, ...others] = found;
  if (folder === undefined) {
    const names = await readdir(into, { recursive: true });
    throw refuse(isOfParquet(names) ? OF_PARQUET : `it holds no ${DATABASE}, or more than ${MAX_DEPTH} folders down`);
  }
  if (others.length > 0) throw refuse(`it holds several ${DATABASE}`);
  return folder;
}

const REPACK = 'Import the directory itself, or an archive made by: tar czf chroma.tar.gz -C <directory> .';
/** Other formats in which people pack directories, by their first bytes. */
const OTHERS: ReadonlyArray<readonly [magic: string, what: string]> = [
  ['SQLite format 3', 'a database. Name the directory that it lies in, whose other files belong to it.'],
  ['PK\x03\x04', `a zip archive. Unpack it first. ${REPACK}`],
  ['7z\xbc\xaf\x27\x1c', `a 7-Zip archive. Unpack it first. ${REPACK}`],
  ['Rar!', `a RAR archive. Unpack it first. ${REPACK}`],
  ['\xfd7zXZ', `compressed by xz. Unpack it first. ${REPACK}`],
  ['BZh', `compressed by bzip2. Unpack it first. ${REPACK}`],
  ['PAR1', `a Parquet file: ${OF_PARQUET}.`],
];

/** @throws InvalidInputError (it is not a tar archive, or it is empty) */
async function refuseOthers(archive: string): Promise<void> {
  const handle = await open(archive);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(16), 0, 16, 0);
    const start = buffer.toString('latin1', 0, bytesRead);
    if (start === '') throw new InvalidInputError(`"${archive}" is empty. ${REPACK}`);
    const found = OTHERS.find(([magic]) => start.startsWith(magic));
    if (found !== undefined) throw new InvalidInputError(`"${archive}" is ${found[1]}`);
  } finally {
    await handle.close();
  }
}

async function findDatabases(folder: string, depth: number): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  if (entries.some(({ name }) => name === DATABASE)) return [folder];
  if (depth === 0) return [];
  const below = entries.filter((entry) => entry.isDirectory());
  return (await Promise.all(below.map(({ name }) => findDatabases(join(folder, name), depth - 1)))).flat();
}
