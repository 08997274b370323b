/**
 * Compares the blocks of a directory with their recorded digests. The marker proves that no write was interrupted, but
 * not that the disk kept what was written; publishing requires both.
 */

import { DirtyDirectoryError } from '../errors/errors.ts';
import type { Telemetry, WorkingDirectory } from '../ports.ts';
import type { DirectoryDigests } from '../snapshot/blocks.ts';
import { changedRuns, type Run } from '../snapshot/changes.ts';

/** What a directory holds: the size of every file, and the ranges that do not match their digests. */
export interface Damage {
  sizes: Map<string, number>;
  runs: Map<string, Run[]>;
}

/** Takes about 1 s per GiB on two processors. The directory must not change meanwhile. */
export async function rescan(directory: WorkingDirectory, known: DirectoryDigests): Promise<Damage> {
  const sizes = new Map<string, number>();
  const runs = new Map<string, Run[]>();
  for (const { path, size } of await directory.list()) {
    sizes.set(path, size);
    runs.set(path, changedRuns(known.files.get(path), await directory.digest(path)));
  }
  return { sizes, runs };
}

export async function isDamaged(directory: WorkingDirectory, known: DirectoryDigests): Promise<boolean> {
  const { all } = await startRescan(directory, known, new Set());
  return !(await all);
}

/** A rescan in progress. True: all blocks match their digests. */
export interface Rescan {
  /** The list of files, and the content of those that had to be compared first. */
  first: Promise<boolean>;
  all: Promise<boolean>;
}

/** For a directory in which every block has just been compared. */
export const RESCANNED: Rescan = { first: Promise.resolve(true), all: Promise.resolve(true) };

/**
 * Compares a clean directory while an engine already starts on it (ADR 0026). This is sound: a block that matches at
 * any time before the engine is asked to write is undamaged, and one that does not match counts as damaged, whatever
 * changed it. So `first` must be awaited before the engine is opened, and `all` before the first write is sent to it.
 * @param first Paths of files that the engine writes to as it starts.
 */
export async function startRescan(
  directory: WorkingDirectory,
  known: DirectoryDigests,
  first: ReadonlySet<string>,
): Promise<Rescan> {
  const files = await directory.list();
  const isComplete =
    files.length === known.files.size && files.every(({ path, size }) => known.files.get(path)?.size === size);
  if (!isComplete) return { first: Promise.resolve(false), all: Promise.resolve(false) };
  const compare = async (paths: readonly string[]): Promise<boolean> => {
    for (const path of paths) if (!(await isAsKnown(directory, known, path))) return false;
    return true;
  };
  const paths = files.map(({ path }) => path);
  const before = compare(paths.filter((path) => first.has(path)));
  const all = before.then((isWhole) => isWhole && compare(paths.filter((path) => !first.has(path))));
  // The failure surfaces where `all` is awaited; until then it must not count as an unhandled rejection.
  all.catch(() => {});
  return { first: before, all };
}

/** The engine that starts meanwhile may be rewriting the file: one that is truncated or missing does not match. */
async function isAsKnown(directory: WorkingDirectory, known: DirectoryDigests, path: string): Promise<boolean> {
  try {
    return changedRuns(known.files.get(path), await directory.digest(path)).length === 0;
  } catch (error) {
    if (error instanceof DirtyDirectoryError) return false;
    throw error;
  }
}

/** @throws DirtyDirectoryError */
export async function requireWhole(directory: WorkingDirectory, isWhole: Promise<boolean>): Promise<void> {
  if (await isWhole) return;
  throw new DirtyDirectoryError(
    `Working directory "${directory.path}" does not hold what its digests say. It is repaired from its manifest.`,
  );
}

export function warnOfDamage(telemetry: Telemetry, { path }: WorkingDirectory): void {
  telemetry.warn('A clean working directory is damaged; it is repaired.', { path });
}
