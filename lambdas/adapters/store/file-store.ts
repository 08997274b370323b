/** The object store on a local or shared file system, for development, tests and single machines. */
import type { BigIntStats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ObjectNotFoundError, PreconditionFailedError, StoreUnavailableError } from '../../errors/errors.ts';
import type { Body, ByteRange, ObjectInfo, ObjectStore, StoredObject } from '../../ports.ts';
import { discard, makeFolder, publishNew, publishOver, removeFile } from '../files/durable.ts';
import { KeyLocks } from './file-lock.ts';
import {
  absentAsUndefined,
  CREATING,
  type Faults,
  FINDING,
  MAKING_FOLDERS,
  translating,
  WRITING,
} from './file-store-faults.ts';
import { walkKeys } from './file-store-walk.ts';
import { type StampedFile, stampAfter, sweepStamped, writeStamped } from './stamped-file.ts';
import { checkedChunks, checkKey, checkPageSize, checkRange, clampRange } from './store-input.ts';

/** A writer that has not written for this long is dead. */
const STRAY_AGE_MS = 60 * 60 * 1000;

/**
 * One file per object under a root, with the key as its path. File and folder are durable before a write resolves.
 *
 * - Create-only is `link(2)`, which fails if the name exists.
 * - Replacing and deleting compare and act under a lock of the key between processes (`file-lock.ts`).
 * - The ETag is the file's number, modification time and size; every write makes a new file with a later time.
 *
 * Two limits that S3 does not have: a key cannot be a folder of another key, and digests are verified but not kept.
 */
export class FileStore implements ObjectStore {
  readonly url: string;
  readonly #root: string;
  readonly #temporary: string;
  readonly #locks: KeyLocks;
  #prepared: Promise<void> | undefined;

  /** @param root absolute path; made by the first write */
  constructor(root: string) {
    this.url = pathToFileURL(root).href;
    this.#root = root;
    this.#temporary = join(root, '.tmp');
    this.#locks = new KeyLocks((number) => join(this.#temporary, `lock-${number}.sqlite`));
  }

  async get(key: string, options: { range?: ByteRange; ifMatch?: string } = {}): Promise<StoredObject> {
    checkRange(options.range);
    const path = this.#path(key);
    return this.#do(key, FINDING, async () => {
      // A file in its place never changes, so an open descriptor sees one version, whatever replaces the file
      // meanwhile.
      const file = await open(path, 'r');
      try {
        const info = infoOf(key, await file.stat({ bigint: true }));
        if (options.ifMatch !== undefined && options.ifMatch !== info.etag) throw new PreconditionFailedError(key);
        return { ...info, body: await readRange(key, file, clampRange(options.range, info.size)) };
      } finally {
        await file.close();
      }
    });
  }

  async head(key: string): Promise<ObjectInfo> {
    const path = this.#path(key);
    return this.#do(key, FINDING, async () => infoOf(key, await stat(path, { bigint: true })));
  }

  async *list(
    prefix: string,
    options: { startAfter?: string; pageSize?: number } = {},
  ): AsyncGenerator<ObjectInfo[], void, undefined> {
    const pageSize = checkPageSize(options.pageSize);
    const keys = walkKeys(this.#root, prefix, options.startAfter);
    for (let more = true; more; ) {
      const page: ObjectInfo[] = [];
      while (more && page.length < pageSize) {
        const next = await this.#do(prefix, {}, () => keys.next());
        more = next.done !== true;
        // Deleted since its name was read: not part of the listing.
        const info = next.done ? undefined : await this.head(next.value).catch(absentAsUndefined);
        if (info !== undefined) page.push(info);
      }
      if (page.length > 0) yield page;
    }
  }

  async putIfAbsent(key: string, body: Body, options: { sha256?: string } = {}): Promise<{ etag: string }> {
    const path = this.#path(key);
    return this.#write(key, checkedChunks(key, body, options.sha256), async (temporary) => {
      await this.#do(key, MAKING_FOLDERS, () => makeFolder(dirname(path)));
      await this.#do(key, CREATING, () => publishNew(temporary.path, path));
      return temporary.stats;
    });
  }

  async putIfMatch(key: string, body: Uint8Array, etag: string): Promise<{ etag: string }> {
    const path = this.#path(key);
    return this.#write(key, checkedChunks(key, body), (temporary) =>
      this.#locks.run(key, async () => {
        const current = await this.#compare(key, etag);
        const later = await this.#do(key, WRITING, () => stampAfter(temporary, current));
        await this.#do(key, WRITING, () => publishOver(later.path, path));
        return later.stats;
      }),
    );
  }

  async deleteIfMatch(key: string, etag: string): Promise<void> {
    await this.#remove(key, () => this.#compare(key, etag));
  }

  async delete(key: string): Promise<void> {
    await this.#remove(key, () => this.head(key));
  }

  /** Write a temporary file, off-lock, then let `publish` put it in its place. */
  async #write(
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    publish: (temporary: StampedFile) => Promise<BigIntStats>,
  ): Promise<{ etag: string }> {
    await this.#prepare();
    const temporary = await writeStamped(this.#temporary, chunks, (operation) => this.#do(key, WRITING, operation));
    try {
      return { etag: etagOf(await publish(temporary)) };
    } finally {
      await discard(temporary.path);
    }
  }

  /** Under the lock, so that nothing changes between a comparison and what depends on it. */
  async #remove(key: string, condition: () => Promise<unknown>): Promise<void> {
    const path = this.#path(key);
    await this.#prepare();
    const removal = this.#locks.run(key, async () => {
      await condition();
      await this.#do(key, FINDING, () => removeFile(path));
    });
    await removal.catch(absentAsUndefined);
  }

  async #compare(key: string, etag: string): Promise<BigIntStats> {
    const stats = await this.#do(key, FINDING, () => stat(this.#path(key), { bigint: true }));
    if (infoOf(key, stats).etag !== etag) throw new PreconditionFailedError(key);
    return stats;
  }

  /** Once, and again after a failure: create the root, and remove what dead writers left behind. */
  #prepare(): Promise<void> {
    const prepare = async () => {
      await makeFolder(this.#temporary);
      await sweepStamped(this.#temporary, Date.now() - STRAY_AGE_MS);
    };
    this.#prepared ??= this.#do('.tmp', WRITING, prepare).catch((error: unknown) => {
      this.#prepared = undefined;
      throw error;
    });
    return this.#prepared;
  }

  #path(key: string): string {
    return join(this.#root, checkKey(key));
  }

  #do<T>(key: string, faults: Faults, operation: () => Promise<T>): Promise<T> {
    return translating(this.url, key, faults, operation);
  }
}

function infoOf(key: string, stats: BigIntStats): ObjectInfo {
  if (!stats.isFile()) throw new ObjectNotFoundError(key);
  return { key, size: Number(stats.size), etag: etagOf(stats), lastModified: Number(stats.mtimeNs / 1_000_000n) };
}

function etagOf({ ino, mtimeNs, size }: BigIntStats): string {
  return `"${ino.toString(36)}-${mtimeNs.toString(36)}-${size.toString(36)}"`;
}

async function readRange(key: string, file: FileHandle, { start, end }: ByteRange): Promise<Uint8Array> {
  const body = new Uint8Array(end - start);
  for (let offset = 0; offset < body.length; ) {
    const { bytesRead } = await file.read(body, offset, body.length - offset, start + offset);
    if (bytesRead === 0) throw new StoreUnavailableError(`"${key}" ended before its size while being read. Retry.`);
    offset += bytesRead;
  }
  return body;
}
