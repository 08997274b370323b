/**
 * Working directories below a local root such as `/tmp/work`: numbered slots per collection, so that concurrent
 * invocations never share one and a warm container finds what its last invocation left.
 *
 *     <root>/<collection>/<n>/       a slot (working-directory.ts)
 *     <root>/<collection>/<n>.lock   its ownership; empty, never removed, since removing one would let two own a slot
 *
 * Ownership is the lock on that file (try-lock.ts), which the kernel drops however the process ends, so ownership is
 * never guessed from process ids or ages.
 */
import { constants } from 'node:fs';
import { cp, mkdir, readdir, rm, stat, statfs, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DirtyDirectoryError } from '../../errors/errors.ts';
import type { WorkingDirectories, WorkingDirectory } from '../../ports.ts';
import { checkCollection } from '../../snapshot/keys.ts';
import { makeWritableFolder, unlessAbsent, withRoom } from './disk-errors.ts';
import { tryLock } from './try-lock.ts';
import { DIGESTS_FILE, FileWorkingDirectory, MARKER_FILE } from './working-directory.ts';

/** Path of a slot without extension. */
type Slot = string;

export interface FileWorkingDirectoriesOptions {
  root: string;
  /** Slots kept over all collections; beyond that the least recently used idle ones are removed. Default: 16. */
  maxSlots?: number;
  /** Bytes that can still be written below the root. Default: as reported by its file system. */
  freeBytes?: () => Promise<number>;
}

export class FileWorkingDirectories implements WorkingDirectories {
  readonly #root: string;
  readonly #maxSlots: number;
  readonly #freeBytes: () => Promise<number>;

  constructor({ root, maxSlots = 16, freeBytes }: FileWorkingDirectoriesOptions) {
    this.#root = resolve(root);
    this.#maxSlots = maxSlots;
    this.#freeBytes = freeBytes ?? (() => freeIn(this.#root));
  }

  /**
   * Prefers an idle slot with a marker, then one with digests; otherwise the directory is empty.
   * @throws InvalidInputError (the collection's name), DiskFullError
   */
  async claim(collection: string, bytes = 0): Promise<WorkingDirectory> {
    return withRoom(this.#root, async () => {
      const directory = await this.#claimSlot(collection);
      try {
        if (bytes > 0) await this.#makeSpace(bytes - (await sizeOf(directory.path)));
        return directory;
      } catch (error) {
        await directory.release();
        throw error;
      }
    });
  }

  async #claimSlot(collection: string): Promise<WorkingDirectory> {
    const folder = join(this.#root, checkCollection(collection));
    await makeWritableFolder(folder);
    const ranked = await Promise.all((await slotsIn(folder)).map(async (slot) => ({ slot, rank: await rankOf(slot) })));
    for (const { slot } of ranked.sort((a, b) => a.rank - b.rank)) {
      const directory = await own(slot);
      if (directory !== undefined) return directory;
    }
    await this.#makeRoom();
    for (let n = 0; ; n++) {
      const directory = await own(join(folder, String(n)));
      if (directory !== undefined) return directory;
    }
  }

  /** @throws InvalidInputError (the collection's name), DirtyDirectoryError, DiskFullError */
  async replicate(collection: string, source: WorkingDirectory): Promise<WorkingDirectory> {
    const folder = join(this.#root, checkCollection(collection));
    if ((await source.readMarker()) === undefined) {
      throw new DirtyDirectoryError(`"${source.path}" is not clean, so it is not copied. Hydrate it first.`);
    }
    return withRoom(this.#root, () => this.#copyTo(folder, source));
  }

  async #copyTo(folder: string, source: WorkingDirectory): Promise<WorkingDirectory> {
    await makeWritableFolder(folder);
    await this.#makeRoom();
    await this.#makeSpace(await sizeOf(source.path));
    for (let n = 0; ; n++) {
      const slot = join(folder, String(n));
      // An idle slot may be worth keeping; the remains of a copy after a crash are not.
      const isFree = !(await isThere(slot)) || (await rankOf(slot)) === UNVERIFIABLE;
      const replica = isFree ? await own(slot, true) : undefined;
      if (replica === undefined) continue;
      try {
        await cp(source.path, replica.path, { recursive: true, mode: constants.COPYFILE_FICLONE });
        return replica;
      } catch (error) {
        await replica.release();
        throw error;
      }
    }
  }

  /** Make room for one more slot within the limit on their number. */
  async #makeRoom(): Promise<void> {
    const { length } = await this.#slots();
    await this.#evict((evicted) => length + 1 - evicted <= this.#maxSlots);
  }

  /** Make room for this many more bytes. If that does not suffice, the write will report a full disk. */
  async #makeSpace(bytes: number): Promise<void> {
    await this.#evict(async () => (await this.#freeBytes()) >= bytes);
  }

  /** Removes idle slots, the least recently used first, until that is enough. Owned ones stay, whatever the limit. */
  async #evict(isEnough: (evicted: number) => boolean | Promise<boolean>): Promise<void> {
    let evicted = 0;
    if (await isEnough(evicted)) return;
    const aged = await Promise.all((await this.#slots()).map(async (slot) => ({ slot, usedAt: await usedAt(slot) })));
    for (const { slot } of aged.sort((a, b) => a.usedAt - b.usedAt)) {
      const directory = await own(slot);
      if (directory === undefined) continue;
      try {
        // `clear` first: a crash halfway through `rm` could leave the marker on half a directory.
        await directory.clear();
        await rm(slot, { recursive: true });
      } finally {
        await directory.release();
      }
      if (await isEnough(++evicted)) return;
    }
  }

  async #slots(): Promise<Slot[]> {
    const folders = await readdir(this.#root, { withFileTypes: true });
    const nested = folders.filter((entry) => entry.isDirectory()).map((entry) => slotsIn(join(this.#root, entry.name)));
    return (await Promise.all(nested)).flat();
  }
}

async function freeIn(root: string): Promise<number> {
  const { bavail, bsize } = await statfs(root);
  return bavail * bsize;
}

/** Bytes on disk of everything below a folder. */
async function sizeOf(folder: string): Promise<number> {
  const entries = (await unlessAbsent(readdir(folder, { recursive: true }))) ?? [];
  const sizes = await Promise.all(entries.map(async (name) => (await unlessAbsent(stat(join(folder, name))))?.blocks));
  return sizes.reduce<number>((sum, blocks = 0) => sum + 512 * blocks, 0);
}

const CLEAN = 0;
const REPAIRABLE = 1;
const UNVERIFIABLE = 2;

async function rankOf(slot: Slot): Promise<number> {
  const names = await namesIn(slot);
  if (names.includes(MARKER_FILE)) return CLEAN;
  return names.includes(DIGESTS_FILE) ? REPAIRABLE : UNVERIFIABLE;
}

async function slotsIn(folder: string): Promise<Slot[]> {
  const numbers = (await namesIn(folder)).filter((name) => /^\d+$/.test(name)).map(Number);
  return numbers.sort((a, b) => a - b).map((n) => join(folder, String(n)));
}

/** Empty when absent: another process may remove an idle slot at any time. */
async function namesIn(folder: string): Promise<string[]> {
  return (await unlessAbsent(readdir(folder))) ?? [];
}

async function usedAt(slot: Slot): Promise<number> {
  return (await unlessAbsent(stat(slot)))?.mtimeMs ?? 0;
}

async function isThere(slot: Slot): Promise<boolean> {
  return (await unlessAbsent(stat(slot))) !== undefined;
}

/** `undefined`: it has an owner. */
async function own(slot: Slot, isTemporary = false): Promise<FileWorkingDirectory | undefined> {
  const unlock = tryLock(`${slot}.lock`);
  if (unlock === undefined) return undefined;
  const directory = new FileWorkingDirectory(slot, async () => {
    const now = new Date();
    const last = isTemporary ? rm(slot, { recursive: true, force: true }) : unlessAbsent(utimes(slot, now, now));
    await last.finally(unlock);
  });
  try {
    await mkdir(directory.path, { recursive: true });
    // Without marker and digests its content cannot be verified, so it is worth no more than an empty one. Ranked again
    // under the lock, since its last owner may have changed it.
    if ((await rankOf(slot)) === UNVERIFIABLE) await directory.clear();
    // A crash while a marker or digests were being replaced leaves a temporary file.
    for (const name of await namesIn(slot)) if (name.endsWith('.tmp')) await rm(join(slot, name));
  } catch (error) {
    unlock();
    throw error;
  }
  return directory;
}
