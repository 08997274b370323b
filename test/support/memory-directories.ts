/**
 * Working directories in memory, for the simulation: the same laws as on a disk (one contract suite covers both), and a
 * way to crash.
 */
import { decodeDigests, encodeDigests } from '../../lambdas/adapters/files/digests-file.ts';
import { checkRelativePath } from '../../lambdas/adapters/files/relative-path.ts';
import { DirtyDirectoryError, InvalidInputError } from '../../lambdas/errors/errors.ts';
import {
  type CleanMarker,
  MAX_PIECE,
  type PlacedBytes,
  type WorkingDirectories,
  type WorkingDirectory,
} from '../../lambdas/ports.ts';
import { BLOCK_SIZE, blockDigests, type DirectoryDigests, type FileDigests } from '../../lambdas/snapshot/blocks.ts';
import type { Run } from '../../lambdas/snapshot/changes.ts';
import { checkCollection } from '../../lambdas/snapshot/keys.ts';

/** Small, so that small files have several chunks. */
const CHUNK_SIZE = 2 * BLOCK_SIZE;

/** What stays when its owner is gone. Public for tests that damage it. */
export interface MemorySlot {
  collection: string;
  n: number;
  files: Map<string, Buffer>;
  marker: CleanMarker | undefined;
  digests: Buffer | undefined;
  owner: MemoryDirectory | undefined;
}

export class MemoryDirectories implements WorkingDirectories {
  readonly slots: MemorySlot[] = [];

  async claim(collection: string): Promise<MemoryDirectory> {
    checkCollection(collection);
    const own = this.slots.filter((slot) => slot.collection === collection);
    const idle = own.filter((slot) => slot.owner === undefined).sort((a, b) => rankOf(a) - rankOf(b));
    const slot = idle[0] ?? newSlot(collection, own.length);
    if (idle.length === 0) this.slots.push(slot);
    if (slot.marker === undefined && slot.digests === undefined) slot.files.clear();
    slot.owner = new MemoryDirectory(slot);
    return slot.owner;
  }

  async replicate(collection: string, source: WorkingDirectory): Promise<MemoryDirectory> {
    if ((await source.readMarker()) === undefined) throw new DirtyDirectoryError(`"${source.path}" is not clean.`);
    const slot = newSlot(checkCollection(collection), this.slots.length);
    const replica = new MemoryDirectory(slot);
    slot.owner = replica;
    for (const { path, size } of await source.list())
      slot.files.set(path, Buffer.from(await source.readAt(path, 0, size)));
    return replica;
  }

  /** The owner's process dies: the slot is free with everything in it as it is, and the dead owner can do nothing. */
  crash(directory: WorkingDirectory): void {
    for (const slot of this.slots) {
      if (slot.owner === directory) slot.owner = undefined;
    }
  }
}

export class MemoryDirectory implements WorkingDirectory {
  readonly path: string;
  readonly #slot: MemorySlot;
  /** Written since this owner took the marker away. */
  #touched: Set<string> | undefined;

  constructor(slot: MemorySlot) {
    this.#slot = slot;
    this.path = `memory:${slot.collection}/${slot.n}`;
  }

  async readMarker(): Promise<CleanMarker | undefined> {
    const { marker } = this.#owned();
    return marker && { ...marker };
  }

  async markClean(marker: CleanMarker): Promise<void> {
    this.#owned().marker = { ...marker };
    this.#touched = undefined;
  }

  async markDirty(): Promise<void> {
    if (this.#owned().marker !== undefined) this.#touched = new Set();
    this.#owned().marker = undefined;
  }

  async readDigests(): Promise<DirectoryDigests | undefined> {
    const { digests } = this.#owned();
    return digests && decodeDigests(Buffer.from(digests));
  }

  async writeDigests(digests: DirectoryDigests): Promise<void> {
    this.#owned().digests = encodeDigests(digests);
  }

  async untouched(): Promise<Set<string>> {
    const touched = this.#touched;
    return new Set(touched && [...this.#owned().files.keys()].filter((path) => !touched.has(path)));
  }

  async list(): Promise<Array<{ path: string; size: number }>> {
    const files = [...this.#owned().files].map(([path, bytes]) => ({ path, size: bytes.length }));
    return files.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  async *read(path: string): AsyncIterable<Uint8Array> {
    const { length } = this.#file(path);
    for (let offset = 0; offset < length; offset += CHUNK_SIZE) {
      yield Buffer.from(this.#file(path).subarray(offset, offset + CHUNK_SIZE));
    }
  }

  async readAt(path: string, offset: number, length: number): Promise<Uint8Array> {
    const bytes = this.#file(path).subarray(offset, offset + length);
    if (bytes.length < length) throw this.#dirty(`has no ${length} bytes at ${offset} of "${path}"`);
    return Buffer.from(bytes);
  }

  async digest(path: string): Promise<FileDigests> {
    const bytes = this.#file(path);
    return { size: bytes.length, blocks: blockDigests(bytes) };
  }

  async *readRuns(path: string, runs: readonly Run[]): AsyncIterable<PlacedBytes> {
    for (const { offset, length } of runs) {
      for (let at = offset; at < offset + length; at += MAX_PIECE) {
        yield { offset: at, bytes: await this.readAt(path, at, Math.min(MAX_PIECE, offset + length - at)) };
      }
    }
  }

  async writeEach(path: string, pieces: readonly PlacedBytes[]): Promise<void> {
    for (const { offset, bytes } of pieces) await this.writeAt(path, offset, bytes);
  }

  async writeAt(path: string, offset: number, bytes: Uint8Array): Promise<void> {
    const size = this.#owned().files.get(checkRelativePath(path))?.length ?? 0;
    this.#touched?.add(path);
    const end = bytes.length === 0 ? size : offset + bytes.length;
    if (end > size || size === 0) await this.resize(path, end);
    this.#file(path).set(bytes, offset);
  }

  async resize(path: string, size: number): Promise<void> {
    const { files } = this.#owned();
    this.#touched?.add(path);
    const before = files.get(checkRelativePath(path)) ?? Buffer.alloc(0);
    files.set(path, Buffer.concat([before.subarray(0, size), Buffer.alloc(Math.max(0, size - before.length))]));
  }

  async remove(path: string): Promise<void> {
    this.#owned().files.delete(checkRelativePath(path));
    this.#touched?.add(path);
  }

  async clear(): Promise<void> {
    const slot = this.#owned();
    slot.marker = undefined;
    slot.digests = undefined;
    slot.files.clear();
  }

  async release(): Promise<void> {
    if (this.#slot.owner === this) this.#slot.owner = undefined;
  }

  #file(path: string): Buffer {
    const bytes = this.#owned().files.get(checkRelativePath(path));
    if (bytes === undefined) throw this.#dirty(`has no "${path}"`);
    return bytes;
  }

  #owned(): MemorySlot {
    if (this.#slot.owner === this) return this.#slot;
    throw new InvalidInputError(`Working directory "${this.path}" was released. Claim one again before using it.`);
  }

  #dirty(what: string): DirtyDirectoryError {
    return new DirtyDirectoryError(`Working directory "${this.path}" ${what}. Clear it and hydrate it again.`);
  }
}

function newSlot(collection: string, n: number): MemorySlot {
  return { collection, n, files: new Map(), marker: undefined, digests: undefined, owner: undefined };
}

function rankOf(slot: MemorySlot): number {
  if (slot.marker !== undefined) return 0;
  return slot.digests !== undefined ? 1 : 2;
}
