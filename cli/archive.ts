/** A Chroma directory in a `.tar.gz`, unpacked where it can do no harm. */
import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { extract, list, type ReadEntry } from 'tar';
import { InvalidInputError } from '../lambdas/protocol/errors.ts';

const DATABASE = 'chroma.sqlite3';
const MAX_ENTRIES = 10_000;
/** Folders above the database, besides the archive's own root. */
const MAX_DEPTH = 2;

/**
 * Unpack into an empty directory, and give back the folder that holds the database. The whole archive is looked through
 * first: links, devices, absolute paths, `..`, too many entries, or more bytes than are allowed or free refuse it.
 * @throws InvalidInputError
 */
export async function unpack(archive: string, into: string, maxBytes: number): Promise<string> {
  const { bsize, bavail } = await statfs(into);
  const limit = Math.min(maxBytes, bsize * bavail);
  let entries = 0;
  let total = 0;
  const refuse = (what: string) => new InvalidInputError(`"${archive}" is refused: ${what}. Nothing was imported.`);
  // Kept and thrown afterwards: an error thrown while a stream parses would go past everybody.
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
    await stat(archive);
    // Nothing is written before every header has been looked at.
    await list({ file: archive, strict: true, filter });
    [entries, total] = [0, 0];
    const options = { strict: true, noChmod: true, noMtime: true, preserveOwner: false };
    if (refusal === undefined) await extract({ file: archive, cwd: into, ...options, filter });
  } catch (cause) {
    throw new InvalidInputError(`"${archive}" cannot be unpacked: ${(cause as Error).message}.`, { cause });
  }
  if (refusal !== undefined) throw refuse(refusal);
  const found = await findDatabases(into, MAX_DEPTH);
  const [folder, ...others] = found;
  if (folder === undefined) throw refuse(`it holds no ${DATABASE}`);
  if (others.length > 0) throw refuse(`it holds several ${DATABASE}`);
  return folder;
}

async function findDatabases(folder: string, depth: number): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  if (entries.some(({ name }) => name === DATABASE)) return [folder];
  if (depth === 0) return [];
  const below = entries.filter((entry) => entry.isDirectory());
  return (await Promise.all(below.map(({ name }) => findDatabases(join(folder, name), depth - 1)))).flat();
}
