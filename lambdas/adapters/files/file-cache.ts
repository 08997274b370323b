/**
 * The cache on a shared directory (an EFS mount):
 *
 *     <root>/objects/<key>                             immutable objects by their store key
 *     <root>/staging/<collection>/<commitId>/          sealed staging
 *     <root>/staging/<collection>/<commitId>.tmp-*     staging in the making
 *
 * Sealing and adopting are renames within one mount: atomic, and without copies. Errors that a reader gets while
 * another machine renames or prunes (ENOENT, ESTALE) are misses.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CacheUnwritableError, InvalidInputError, StagingLostError } from '../../errors/errors.ts';
import type { ByteRange, Cache, PruneOptions, PruneResult, Staging, StreamBody } from '../../ports.ts';
import { checkCollection } from '../../snapshot/keys.ts';
import { MAX_MANIFEST_BYTES } from '../../snapshot/manifest.ts';
import { release } from '../../snapshot/release.ts';
import { pruneCache } from './cache-prune.ts';
import { systemCode, unlessAbsent } from './disk-errors.ts';
import { makeFolder } from './durable.ts';
import { FileStaging } from './file-staging.ts';
import { checkRelativePath } from './relative-path.ts';
import { readFully } from './whole-reads.ts';

const CHUNK_SIZE = 1024 * 1024;
const MISSES: ReadonlyArray<string | undefined> = ['ENOENT', 'ENOTDIR', 'EISDIR', 'ESTALE'];

export class FileCache implements Cache {
  readonly #root: string;
  #bytesWritten = 0;

  constructor({ root }: { root: string }) {
    this.#root = root;
  }

  async read(key: string, range?: ByteRange): Promise<Uint8Array | undefined> {
    try {
      return await readRange(this.#object(key), range);
    } catch (error) {
      // Whatever the error (ENOENT, ESTALE, EIO, EACCES), the store has the object.
      if (systemCode(error) !== undefined) return undefined;
      throw error;
    }
  }

  /** A cache that cannot be written keeps the damaged object; every read is verified anyway. */
  async evict(key: string): Promise<void> {
    await unlink(this.#object(key)).catch(() => {});
  }

  async stage(collection: string, commitId: string): Promise<Staging> {
    const sealed = this.#staging(collection, commitId);
    const folder = `${sealed}.tmp-${randomUUID()}`;
    await this.#writing(async () => {
      // `seal` flushes the last two folders only: the ones above must already be durable to survive a power cut.
      await makeFolder(dirname(folder));
      await mkdir(folder);
    });
    return new FileStaging(
      folder,
      sealed,
      (work) => this.#writing(work),
      (bytes) => {
        this.#bytesWritten += bytes;
      },
    );
  }

  async openStaged(collection: string, commitId: string, name: string): Promise<StreamBody> {
    const file = this.#staged(collection, commitId, name);
    const lost = (cause?: unknown) => stagingLost(collection, commitId, name, cause);
    try {
      const { size } = await stat(file);
      return { size, stream: () => streamFile(file, size, lost) };
    } catch (error) {
      throw MISSES.includes(systemCode(error)) ? lost(error) : error;
    }
  }

  /** @throws StagingLostError (neither the staged file nor the target is there), CacheUnwritableError */
  async adopt(collection: string, commitId: string, name: string, key: string): Promise<void> {
    const source = this.#staged(collection, commitId, name);
    const target = this.#object(key);
    await this.#writing(async () => {
      await mkdir(dirname(target), { recursive: true });
      try {
        await rename(source, target);
      } catch (error) {
        if (!MISSES.includes(systemCode(error))) throw error;
        // An earlier attempt of ours has adopted it.
        if (await unlessAbsent(stat(target))) return;
        throw stagingLost(collection, commitId, name, error);
      }
    });
  }

  /** @throws CacheUnwritableError */
  async discardStaged(collection: string, commitId: string): Promise<void> {
    const sealed = this.#staging(collection, commitId);
    const unsealed = `${commitId}.tmp-`;
    await this.#writing(async () => {
      await rm(sealed, { recursive: true, force: true });
      for (const name of (await unlessAbsent(readdir(dirname(sealed)))) ?? []) {
        if (name.startsWith(unsealed)) await rm(join(dirname(sealed), name), { recursive: true, force: true });
      }
    });
  }

  bytesWritten(): number {
    return this.#bytesWritten;
  }

  /**
   * Delete objects that are unreachable and old, and old staging.
   * @throws CacheUnwritableError
   */
  async prune(options: PruneOptions): Promise<PruneResult> {
    return this.#writing(() => pruneCache(join(this.#root, 'objects'), join(this.#root, 'staging'), options));
  }

  #object(key: string): string {
    return join(this.#root, 'objects', checkRelativePath(key));
  }

  #staging(collection: string, commitId: string): string {
    return join(this.#root, 'staging', checkCollection(collection), checkSegment(commitId));
  }

  #staged(collection: string, commitId: string, name: string): string {
    return join(this.#staging(collection, commitId), checkSegment(name));
  }

  /** Every system error while writing means the same to a caller: this cache cannot be written. */
  async #writing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      const code = systemCode(cause);
      if (code === undefined) throw cause;
      throw new CacheUnwritableError(
        `The cache directory "${this.#root}" cannot be written (${code}). Make sure that it is mounted, belongs to ` +
          'the user that runs this and has free space, or name another directory; then start again.',
        { cause },
      );
    }
  }
}

/** `undefined`: the file is shorter than the range. */
async function readRange(file: string, range?: ByteRange): Promise<Uint8Array | undefined> {
  const handle = await open(file, 'r');
  try {
    const { start, end } = range ?? { start: 0, end: (await handle.stat()).size };
    // Only manifests are read whole. A damaged one of any length must not fill the memory.
    if (range === undefined && end > MAX_MANIFEST_BYTES) return undefined;
    const bytes = await readFully(handle, Buffer.allocUnsafe(end - start), start);
    return bytes.length === end - start ? bytes : undefined;
  } finally {
    await handle.close();
  }
}

/** Two buffers in turn: one is filled while the caller uses the other. */
async function* streamFile(file: string, size: number, lost: (cause?: unknown) => Error): AsyncGenerator<Uint8Array> {
  const orLost = <Result>(work: Promise<Result>) =>
    work.catch((error: unknown) => {
      throw MISSES.includes(systemCode(error)) ? lost(error) : error;
    });
  const handle = await orLost(open(file, 'r'));
  const buffers = [0, 1].map(() => Buffer.allocUnsafe(Math.min(size, CHUNK_SIZE)));
  let coming: Promise<Buffer> | undefined;
  const read = (position: number) => {
    const [next = Buffer.alloc(0)] = buffers.reverse();
    coming = orLost(readFully(handle, next.subarray(0, Math.min(size - position, CHUNK_SIZE)), position));
    // A caller that stops early does not await this read.
    coming.catch(() => {});
    return coming;
  };
  try {
    if (size > 0) read(0);
    for (let position = 0; position < size; position += CHUNK_SIZE) {
      const chunk = await coming;
      if (chunk === undefined || chunk.length < Math.min(size - position, CHUNK_SIZE)) throw lost();
      if (position + CHUNK_SIZE < size) read(position + CHUNK_SIZE);
      yield chunk;
    }
  } finally {
    await coming?.catch(() => {});
    for (const buffer of buffers) release(buffer);
    await handle.close();
  }
}

function checkSegment(name: string): string {
  if (checkRelativePath(name).includes('/')) {
    throw new InvalidInputError(`"${name}" is no name of staging. Use a name without slashes.`);
  }
  return name;
}

function stagingLost(collection: string, commitId: string, name: string, cause?: unknown): StagingLostError {
  return new StagingLostError(
    `"${name}" of commit ${commitId} of collection "${collection}" is no longer staged. Plan and merge again.`,
    { cause },
  );
}
