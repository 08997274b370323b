/** Working directories whose every operation is a place to die. Nobody else sees them, so that none needs a turn. */
import type { CleanMarker, PlacedBytes, WorkingDirectories, WorkingDirectory } from '../../lambdas/ports.ts';
import type { DirectoryDigests, FileDigests } from '../../lambdas/snapshot/blocks.ts';
import type { Run } from '../../lambdas/snapshot/changes.ts';
import type { MemoryDirectories } from '../support/memory-directories.ts';
import type { Invocation } from './invocation.ts';

/** What a planted bug may put around a directory. */
export type DirectoryWrapper = (directory: WorkingDirectory) => WorkingDirectory;

export function gatedDirectories(
  directories: MemoryDirectories,
  invocation: Invocation,
  wrap: DirectoryWrapper = (directory) => directory,
): WorkingDirectories {
  return {
    claim: async (collection) => {
      await invocation.step();
      const directory = await directories.claim(collection);
      invocation.onDeath(() => directories.crash(directory));
      return wrap(new GatedDirectory(directory, invocation));
    },
    replicate: (collection, source) => directories.replicate(collection, source),
  };
}

class GatedDirectory implements WorkingDirectory {
  readonly path: string;
  readonly #raw: WorkingDirectory;
  readonly #invocation: Invocation;
  /** Does anybody know what should be in it? */
  #isKnown = false;

  constructor(raw: WorkingDirectory, invocation: Invocation) {
    this.#raw = raw;
    this.#invocation = invocation;
    this.path = raw.path;
  }

  async readMarker(): Promise<CleanMarker | undefined> {
    return this.#raw.readMarker();
  }

  async markClean(marker: CleanMarker): Promise<void> {
    await this.#invocation.step();
    return this.#raw.markClean(marker);
  }

  async markDirty(): Promise<void> {
    await this.#invocation.step();
    return this.#raw.markDirty();
  }

  async readDigests(): Promise<DirectoryDigests | undefined> {
    const digests = await this.#raw.readDigests();
    this.#isKnown = digests !== undefined;
    return digests;
  }

  async writeDigests(digests: DirectoryDigests): Promise<void> {
    await this.#invocation.step();
    return this.#raw.writeDigests(digests);
  }

  async untouched(): Promise<Set<string>> {
    return this.#raw.untouched();
  }

  async list(): Promise<Array<{ path: string; size: number }>> {
    return this.#raw.list();
  }

  read(path: string): AsyncIterable<Uint8Array> {
    return this.#raw.read(path);
  }

  async readAt(path: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#raw.readAt(path, offset, length);
  }

  async digest(path: string): Promise<FileDigests> {
    return this.#raw.digest(path);
  }

  readRuns(path: string, runs: readonly Run[]): AsyncIterable<PlacedBytes> {
    return this.#raw.readRuns(path, runs);
  }

  /**
   * What is fetched, piece by piece: each is a place to die, and one that the disk may fail to keep. Not when all is
   * fetched anew: then nothing tells a bad disk from a bad store.
   */
  async writeEach(path: string, pieces: readonly PlacedBytes[]): Promise<void> {
    for (const { offset, bytes } of pieces) {
      await this.writeAt(path, offset, this.#isKnown ? this.#invocation.asKept(bytes) : bytes);
    }
  }

  async writeAt(path: string, offset: number, bytes: Uint8Array): Promise<void> {
    await this.#invocation.step();
    return this.#raw.writeAt(path, offset, bytes);
  }

  async resize(path: string, size: number): Promise<void> {
    await this.#invocation.step();
    return this.#raw.resize(path, size);
  }

  async remove(path: string): Promise<void> {
    await this.#invocation.step();
    return this.#raw.remove(path);
  }

  async clear(): Promise<void> {
    this.#isKnown = false;
    await this.#invocation.step();
    return this.#raw.clear();
  }

  async release(): Promise<void> {
    return this.#raw.release();
  }
}
