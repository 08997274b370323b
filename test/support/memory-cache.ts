/** The cache in memory, for the simulation; it can be made to forget and to refuse writes. */
import { checkRelativePath } from '../../lambdas/adapters/files/relative-path.ts';
import { CacheUnwritableError, InvalidInputError, StagingLostError } from '../../lambdas/errors/errors.ts';
import type { ByteRange, Cache, PruneOptions, PruneResult, Staging, StreamBody } from '../../lambdas/ports.ts';

const CHUNK_SIZE = 4096;

type Files = Map<string, Buffer>;

export class MemoryCache implements Cache {
  /** By store key. Public for tests that damage them. */
  readonly objects: Files = new Map();
  /** While true, every write fails. */
  unwritable = false;
  readonly #staged = new Map<string, Files>();
  /** Time of the last write, by file content: adopting keeps it, as a rename does. */
  readonly #written = new WeakMap<object, number>();
  readonly #now: () => number;
  #bytesWritten = 0;

  constructor({ now = Date.now }: { now?: () => number } = {}) {
    this.#now = now;
  }

  async read(key: string, range?: ByteRange): Promise<Uint8Array | undefined> {
    const bytes = this.objects.get(checkRelativePath(key));
    if (bytes === undefined) return undefined;
    const { start, end } = range ?? { start: 0, end: bytes.length };
    return end > bytes.length ? undefined : Buffer.from(bytes.subarray(start, end));
  }

  async evict(key: string): Promise<void> {
    if (this.unwritable) return;
    this.objects.delete(checkRelativePath(key));
  }

  async stage(collection: string, commitId: string): Promise<Staging> {
    this.#checkWritable();
    const id = stagingId(collection, commitId);
    const files: Files = new Map();
    let done = false;
    const checkOpen = () => {
      if (done) throw new InvalidInputError(`Staging "${id}" was sealed or abandoned. Stage under a new commit id.`);
      this.#checkWritable();
    };
    return {
      append: async (name, bytes) => {
        checkOpen();
        const content = Buffer.concat([files.get(name) ?? Buffer.alloc(0), bytes]);
        files.set(checkRelativePath(name), content);
        this.#written.set(content, this.#now());
        this.#bytesWritten += bytes.length;
      },
      seal: async () => {
        checkOpen();
        if (this.#staged.has(id)) throw unwritable(`staging "${id}" was sealed before`);
        this.#staged.set(id, files);
        done = true;
      },
      abandon: async () => {
        done = true;
      },
    };
  }

  async openStaged(collection: string, commitId: string, name: string): Promise<StreamBody> {
    const id = stagingId(collection, commitId);
    checkRelativePath(name);
    const find = () => this.#find(id, name);
    return {
      size: find().length,
      async *stream() {
        const bytes = find();
        for (let at = 0; at < bytes.length; at += CHUNK_SIZE) yield Buffer.from(bytes.subarray(at, at + CHUNK_SIZE));
      },
    };
  }

  async adopt(collection: string, commitId: string, name: string, key: string): Promise<void> {
    this.#checkWritable();
    const id = stagingId(collection, commitId);
    checkRelativePath(key);
    if (this.#staged.get(id)?.has(name) !== true && this.objects.has(key)) return;
    this.objects.set(key, this.#find(id, name));
    this.#staged.get(id)?.delete(name);
  }

  async discardStaged(collection: string, commitId: string): Promise<void> {
    this.#checkWritable();
    this.#staged.delete(stagingId(collection, commitId));
  }

  bytesWritten(): number {
    return this.#bytesWritten;
  }

  async prune({ keep, olderThanMs, stagingOlderThanMs, now }: PruneOptions): Promise<PruneResult> {
    this.#checkWritable();
    const result: PruneResult = { objects: 0, staging: 0, bytes: 0 };
    // What a test put there itself has no time: it is old.
    const age = (content: Buffer) => now - (this.#written.get(content) ?? 0);
    for (const [key, content] of this.objects) {
      if (age(content) <= olderThanMs || keep(key)) continue;
      this.objects.delete(key);
      result.objects++;
      result.bytes += content.length;
    }
    for (const [id, files] of this.#staged) {
      const contents = [...files.values()];
      if (contents.some((content) => age(content) <= stagingOlderThanMs)) continue;
      this.#staged.delete(id);
      result.staging++;
      result.bytes += contents.reduce((sum, { length }) => sum + length, 0);
    }
    return result;
  }

  /** As a cache may at any time. */
  forget(what: 'objects' | 'staging' | 'everything' = 'everything'): void {
    if (what !== 'staging') this.objects.clear();
    if (what !== 'objects') this.#staged.clear();
  }

  #find(id: string, name: string): Buffer {
    const bytes = this.#staged.get(id)?.get(name);
    if (bytes === undefined)
      throw new StagingLostError(`"${name}" of "${id}" is no longer staged. Plan and merge again.`);
    return bytes;
  }

  #checkWritable(): void {
    if (this.unwritable) throw unwritable('it was made unwritable');
  }
}

function stagingId(collection: string, commitId: string): string {
  return checkRelativePath(`${collection}/${commitId}`);
}

function unwritable(why: string): CacheUnwritableError {
  return new CacheUnwritableError(`The cache in memory cannot be written: ${why}. Make it writable and start again.`);
}
