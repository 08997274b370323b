/**
 * A working directory on a local disk. Its slot keeps the marker and the digests apart from the data, so that the
 * engine does not see them and they do not become part of a snapshot:
 *
 *     <slot>/data/         what the engine opens
 *     <slot>/clean.json    the marker
 *     <slot>/digests.bin   block digests (digests-file.ts)
 */
import { constants, type Dirent } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rm, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { DirtyDirectoryError, InvalidInputError } from '../../errors/errors.ts';
import { type CleanMarker, MAX_PIECE, type PlacedBytes, type WorkingDirectory } from '../../ports.ts';
import { blockDigests, type DirectoryDigests, type FileDigests } from '../../snapshot/blocks.ts';
import type { Run } from '../../snapshot/changes.ts';
import { release } from '../../snapshot/release.ts';
import { digestFile } from './block-digester.ts';
import { readDigestsFile, writeDigestsFile } from './digests-file.ts';
import { systemCode, unlessAbsent, withRoom } from './disk-errors.ts';
import { removeFile, sync } from './durable.ts';
import { type FileStamps, stampFiles, untouchedSince } from './file-stamps.ts';
import { readMarkerFile, writeMarkerFile } from './marker-file.ts';
import { checkRelativePath } from './relative-path.ts';
import { readFully, writeFully, writeFullySync } from './whole-reads.ts';

/** A multiple of the block size, so that a reader can cut blocks without carrying bytes over. */
const CHUNK_SIZE = 1024 * 1024;
/** Up to this size a file is digested in this thread: workers would take longer to start than to read it. */
const SMALL_FILE = 2 * 1024 * 1024;
/** Up to this size a synchronous write into the page cache takes less time than handing it to a thread. */
const SMALL_PIECE = 64 * 1024;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW;
const WRITE = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;

export const MARKER_FILE = 'clean.json';
export const DIGESTS_FILE = 'digests.bin';

/** Created by `FileWorkingDirectories.claim`, which owns the slot until `release` calls `letGo`. */
export class FileWorkingDirectory implements WorkingDirectory {
  readonly path: string;
  readonly #slot: string;
  readonly #letGo: () => Promise<void>;
  /** Stamps of the files from when this owner removed the marker. */
  #stamps: FileStamps | undefined;
  #released = false;

  constructor(slot: string, letGo: () => Promise<void>) {
    this.#slot = slot;
    this.path = join(slot, 'data');
    this.#letGo = letGo;
  }

  async readMarker(): Promise<CleanMarker | undefined> {
    return readMarkerFile(this.#beside(MARKER_FILE));
  }

  /** @throws DirtyDirectoryError (something that is neither a regular file nor a folder) */
  async markClean(marker: CleanMarker): Promise<void> {
    const file = this.#beside(MARKER_FILE);
    await withRoom(this.path, async () => {
      await this.#flush();
      await writeMarkerFile(file, marker);
    });
    this.#stamps = undefined;
  }

  /** Flush everything, not only what was written through this object: the engine wrote, too. */
  async #flush(): Promise<void> {
    const folders = new Set([this.#slot, this.path]);
    for (const entry of await this.#entries()) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isDirectory()) folders.add(path);
      else await sync(path);
    }
    for (const folder of folders) await sync(folder);
  }

  async markDirty(): Promise<void> {
    // Files match their digests only while there is a marker, so they are stamped before it is removed; the stamps stay
    // valid.
    if ((await this.readMarker()) !== undefined) this.#stamps = await stampFiles(this.path, await this.#paths());
    await removeFile(this.#beside(MARKER_FILE));
  }

  async untouched(): Promise<Set<string>> {
    this.#beside('');
    return this.#stamps === undefined ? new Set() : untouchedSince(this.path, this.#stamps);
  }

  async readDigests(): Promise<DirectoryDigests | undefined> {
    return readDigestsFile(this.#beside(DIGESTS_FILE));
  }

  async writeDigests(digests: DirectoryDigests): Promise<void> {
    await withRoom(this.path, () => writeDigestsFile(this.#beside(DIGESTS_FILE), digests));
  }

  /** @throws DirtyDirectoryError (something that is neither a regular file nor a folder) */
  async list(): Promise<Array<{ path: string; size: number }>> {
    this.#beside('');
    const files: Array<{ path: string; size: number }> = [];
    for (const path of await this.#paths()) files.push({ path, size: (await stat(join(this.path, path))).size });
    return files.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** @throws DirtyDirectoryError (no such file, or it cannot be read) */
  async digest(path: string): Promise<FileDigests> {
    const handle = await this.#open(path);
    try {
      const { size } = await handle.stat();
      if (size > SMALL_FILE) return { size, blocks: await digestFile(this.#inData(path), size) };
      const bytes = await readFully(handle, Buffer.allocUnsafe(size), 0);
      if (bytes.length === size) return { size, blocks: blockDigests(bytes) };
      throw new DirtyDirectoryError(
        `"${path}" ended at ${bytes.length} of ${size} bytes: something else writes to it.`,
      );
    } finally {
      await handle.close();
    }
  }

  /** @throws DirtyDirectoryError (no such file) */
  async *read(path: string): AsyncIterable<Uint8Array> {
    const handle = await this.#open(path);
    try {
      for (let position = 0; ; position += CHUNK_SIZE) {
        const chunk = await readFully(handle, Buffer.allocUnsafe(CHUNK_SIZE), position);
        if (chunk.length > 0) yield chunk;
        if (chunk.length < CHUNK_SIZE) return;
      }
    } finally {
      await handle.close();
    }
  }

  /** @throws DirtyDirectoryError (no such file, or it ends before) */
  async readAt(path: string, offset: number, length: number): Promise<Uint8Array> {
    const handle = await this.#open(path);
    try {
      const bytes = await readFully(handle, Buffer.allocUnsafe(length), offset);
      if (bytes.length < length) throw this.#dirty(`has no ${length} bytes at ${offset} of "${path}"`);
      return bytes;
    } finally {
      await handle.close();
    }
  }

  /** @throws DirtyDirectoryError (no such file, or it ends before) */
  async *readRuns(path: string, runs: readonly Run[]): AsyncIterable<PlacedBytes> {
    const handle = await this.#open(path);
    const longest = runs.reduce((most, { length }) => Math.max(most, length), 0);
    const buffer = Buffer.allocUnsafe(Math.min(MAX_PIECE, longest));
    try {
      for (const run of runs) {
        const end = run.offset + run.length;
        for (let offset = run.offset; offset < end; offset += MAX_PIECE) {
          const bytes = await readFully(handle, buffer.subarray(0, Math.min(MAX_PIECE, end - offset)), offset);
          if (offset + bytes.length < Math.min(offset + MAX_PIECE, end)) {
            throw this.#dirty(`has no bytes at ${offset + bytes.length} of "${path}"`);
          }
          yield { offset, bytes };
        }
      }
    } finally {
      release(buffer);
      await handle.close();
    }
  }

  async writeAt(path: string, offset: number, bytes: Uint8Array): Promise<void> {
    await this.#change(path, (handle) => writeFully(handle, bytes, offset));
  }

  async writeEach(path: string, pieces: readonly PlacedBytes[]): Promise<void> {
    await this.#change(path, async (handle) => {
      for (const { offset, bytes } of pieces) {
        if (bytes.length <= SMALL_PIECE) writeFullySync(handle.fd, bytes, offset);
        else await writeFully(handle, bytes, offset);
      }
    });
  }

  async resize(path: string, size: number): Promise<void> {
    await this.#change(path, (handle) => handle.truncate(size));
  }

  /** An absent file is success. Folders that become empty are removed, too, since a snapshot has no empty folders. */
  async remove(path: string): Promise<void> {
    const file = this.#inData(path);
    try {
      await unlink(file);
      for (let folder = dirname(file); folder !== this.path; folder = dirname(folder)) await rmdir(folder);
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST'].includes(systemCode(error) ?? '')) throw error;
    }
  }

  async clear(): Promise<void> {
    // The marker goes first: a crash halfway must not leave a marker on half a directory.
    await this.markDirty();
    await rm(this.#beside(DIGESTS_FILE), { force: true });
    await rm(this.path, { recursive: true, force: true });
    await mkdir(this.path);
  }

  /** Idempotent. */
  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    await this.#letGo();
  }

  async #open(path: string): Promise<FileHandle> {
    const handle = await unlessAbsent(open(this.#inData(path), READ));
    if (handle === undefined) throw this.#dirty(`has no "${path}"`);
    return handle;
  }

  async #change(path: string, change: (handle: FileHandle) => Promise<void>): Promise<void> {
    const file = this.#inData(path);
    await withRoom(this.path, async () => {
      const handle = await this.#create(file);
      try {
        await change(handle);
      } finally {
        await handle.close();
      }
    });
  }

  async #create(file: string): Promise<FileHandle> {
    try {
      return await open(file, WRITE);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
      await mkdir(dirname(file), { recursive: true });
      return open(file, WRITE);
    }
  }

  /** Paths of regular files. */
  async #paths(): Promise<string[]> {
    const files = (await this.#entries()).filter((entry) => !entry.isDirectory());
    return files.map((entry) => relative(this.path, join(entry.parentPath, entry.name)));
  }

  async #entries(): Promise<Dirent[]> {
    const entries = await readdir(this.path, { recursive: true, withFileTypes: true });
    const stranger = entries.find((entry) => !entry.isFile() && !entry.isDirectory());
    if (stranger === undefined) return entries;
    const path = relative(this.path, join(stranger.parentPath, stranger.name));
    throw this.#dirty(`has "${path}", which is no regular file`);
  }

  #inData(path: string): string {
    this.#beside('');
    return join(this.path, checkRelativePath(path));
  }

  /** Checked on every use, because the slot may have another owner once it is released. */
  #beside(name: string): string {
    if (this.#released) {
      throw new InvalidInputError(`Working directory "${this.path}" was released. Claim one again before using it.`);
    }
    return join(this.#slot, name);
  }

  #dirty(what: string): DirtyDirectoryError {
    return new DirtyDirectoryError(
      `Working directory "${this.path}" ${what}. Clear it and hydrate it again from the manifest.`,
    );
  }
}
