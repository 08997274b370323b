/**
 * Multipart uploads: parts are kept in a folder beside the store until the completing request, and do not survive the
 * process.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { ObjectStore, StreamBody } from '../../lambdas/ports.ts';
import { S3Fault } from './fault.ts';
import { writeObject } from './write.ts';

interface Part {
  path: string;
  size: number;
  etag: string;
}

interface Upload {
  key: string;
  folder: string;
  parts: Map<number, Part>;
}

export class Uploads {
  readonly #root: string;
  readonly #uploads = new Map<string, Upload>();

  /** @param root A folder for this purpose alone; it is emptied now. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Parts left by a process that died are useless. */
  async clear(): Promise<void> {
    this.#uploads.clear();
    await rm(this.#root, { recursive: true, force: true });
  }

  async create(key: string): Promise<string> {
    const id = randomUUID();
    const folder = join(this.#root, id);
    await mkdir(folder, { recursive: true });
    this.#uploads.set(id, { key, folder, parts: new Map() });
    return id;
  }

  /** @returns the part's ETag @throws S3Fault (`NoSuchUpload`, `InvalidArgument`) */
  async putPart(id: string, key: string, number: number, body: Uint8Array): Promise<string> {
    const upload = this.#find(id, key);
    if (!Number.isInteger(number) || number < 1 || number > 10_000) {
      throw new S3Fault(400, 'InvalidArgument', 'A part number is an integer from 1 to 10,000.');
    }
    // A new file each time, so that a part that is sent again cannot damage the one that was acknowledged.
    const path = join(upload.folder, `${number}-${randomUUID()}`);
    await writeFile(path, body);
    const etag = `"${createHash('md5').update(body).digest('hex')}"`;
    upload.parts.set(number, { path, size: body.length, etag });
    return etag;
  }

  /** @returns the object's ETag @throws S3Fault (`NoSuchUpload`, `InvalidPart`), PreconditionFailedError */
  async complete(
    store: ObjectStore,
    id: string,
    key: string,
    listed: ReadonlyArray<{ number: number; etag: string }>,
    headers: Headers,
  ): Promise<string> {
    const upload = this.#find(id, key);
    const parts = listed.map(({ number, etag }) => {
      const part = upload.parts.get(number);
      if (part !== undefined && part.etag.replaceAll('"', '') === etag.replaceAll('"', '')) return part;
      throw new S3Fault(400, 'InvalidPart', `Part ${number} was not uploaded, or has another ETag.`);
    });
    const body = bodyOf(parts);
    const isNew = headers.get('if-none-match') === '*';
    const etag = isNew
      ? (await store.putIfAbsent(key, body)).etag
      : await writeObject(store, key, await buffer(body.stream()), headers);
    await this.abort(id, key);
    return etag;
  }

  /** @throws S3Fault (`NoSuchUpload`) */
  async abort(id: string, key: string): Promise<void> {
    const { folder } = this.#find(id, key);
    this.#uploads.delete(id);
    await rm(folder, { recursive: true, force: true });
  }

  #find(id: string, key: string): Upload {
    const upload = this.#uploads.get(id);
    if (upload?.key === key) return upload;
    throw new S3Fault(404, 'NoSuchUpload', 'The upload does not exist: it was completed or aborted, or never begun.');
  }
}

function bodyOf(parts: readonly Part[]): StreamBody {
  return {
    size: parts.reduce((sum, { size }) => sum + size, 0),
    async *stream() {
      for (const { path } of parts) yield* createReadStream(path) as AsyncIterable<Uint8Array>;
    },
  };
}
