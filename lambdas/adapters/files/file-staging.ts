/** Staging of one commit on a shared directory: written under a temporary name, visible only once sealed. */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InvalidInputError } from '../../errors/errors.ts';
import type { Staging } from '../../ports.ts';
import { sync } from './durable.ts';
import { checkRelativePath } from './relative-path.ts';

/** Runs work on the file system and maps its errors. */
export type Writing = <T>(work: () => Promise<T>) => Promise<T>;

/** Created by `FileCache.stage`. */
export class FileStaging implements Staging {
  readonly #folder: string;
  readonly #sealed: string;
  readonly #writing: Writing;
  readonly #count: (bytes: number) => void;
  readonly #handles = new Map<string, FileHandle>();
  #done = false;

  /** `folder` exists; `sealed` is its later name. `count` is called with the number of bytes written. */
  constructor(folder: string, sealed: string, writing: Writing, count: (bytes: number) => void) {
    this.#folder = folder;
    this.#sealed = sealed;
    this.#writing = writing;
    this.#count = count;
  }

  /** @throws CacheUnwritableError, InvalidInputError (the name, or sealed or abandoned already) */
  async append(name: string, bytes: Uint8Array): Promise<void> {
    this.#checkOpen();
    if (checkRelativePath(name).includes('/')) {
      throw new InvalidInputError(`"${name}" cannot be staged. Use a name without slashes.`);
    }
    await this.#writing(async () => {
      let handle = this.#handles.get(name);
      if (handle === undefined) {
        handle = await open(join(this.#folder, name), 'ax');
        this.#handles.set(name, handle);
      }
      await handle.appendFile(bytes);
    });
    this.#count(bytes.length);
  }

  /** @throws CacheUnwritableError (also when this commit was sealed before: commit ids are minted per invocation) */
  async seal(): Promise<void> {
    this.#checkOpen();
    await this.#writing(async () => {
      for (const handle of this.#handles.values()) await handle.sync();
      await this.#close();
      await sync(this.#folder);
      await rename(this.#folder, this.#sealed);
      await sync(dirname(this.#sealed));
    });
    this.#done = true;
  }

  /** Idempotent; leaves a sealed commit alone. */
  async abandon(): Promise<void> {
    if (this.#done) return;
    this.#done = true;
    await this.#writing(async () => {
      await this.#close();
      await rm(this.#folder, { recursive: true, force: true });
    });
  }

  async #close(): Promise<void> {
    const handles = [...this.#handles.values()];
    this.#handles.clear();
    for (const handle of handles) await handle.close();
  }

  #checkOpen(): void {
    if (!this.#done) return;
    throw new InvalidInputError(`Staging "${this.#sealed}" was sealed or abandoned. Stage under a new commit id.`);
  }
}
