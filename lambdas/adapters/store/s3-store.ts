/** The object store on Amazon S3, or on anything that speaks its protocol with conditional writes. */
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { ObjectNotFoundError, PreconditionFailedError, StoreUnavailableError } from '../../errors/errors.ts';
import type { Body, ByteRange, ObjectInfo, ObjectStore, StoredObject } from '../../ports.ts';
import { hexToBase64, wholeSha256 } from './s3-digest.ts';
import { codeOf, translateS3Error } from './s3-errors.ts';
import { PART_SIZE, uploadMultipart } from './s3-multipart.ts';
import { checkedChunks, checkKey, checkPageSize, checkRange, collectBody, isStream } from './store-input.ts';

export interface S3StoreOptions {
  /** For reads, and for parts that are not visible yet: retries. */
  client: S3Client;
  /** For writes: must have `maxAttempts: 1`, since a hidden retry turns our own success into a 412. */
  writer: S3Client;
  bucket: string;
  /** `''`, or a path without slashes at its ends. */
  prefix: string;
  /** Account id: requests fail if the bucket belongs to another account. */
  expectedBucketOwner?: string;
}

/** See `openS3Store` for the clients. Streams above 8 MiB are uploaded in parts; everything else is one PUT. */
export class S3Store implements ObjectStore {
  readonly url: string;
  readonly #client: S3Client;
  readonly #writer: S3Client;
  readonly #prefix: string;
  readonly #bucket: { Bucket: string; ExpectedBucketOwner?: string };

  constructor({ client, writer, bucket, prefix, expectedBucketOwner }: S3StoreOptions) {
    this.url = `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`;
    this.#client = client;
    this.#writer = writer;
    this.#prefix = prefix === '' ? '' : `${prefix}/`;
    this.#bucket = {
      Bucket: bucket,
      ...(expectedBucketOwner === undefined ? {} : { ExpectedBucketOwner: expectedBucketOwner }),
    };
  }

  async get(key: string, options: { range?: ByteRange; ifMatch?: string } = {}): Promise<StoredObject> {
    checkRange(options.range);
    const { range, ifMatch } = options;
    const target = this.#target(key);
    // HTTP has no empty range.
    if (range !== undefined && range.start === range.end) return this.#getNothing(key, ifMatch);
    const Range = range === undefined ? undefined : `bytes=${range.start}-${range.end - 1}`;
    return this.#do(key, async () => {
      try {
        const found = await this.#client.send(new GetObjectCommand({ ...target, Range, IfMatch: ifMatch }));
        const body = (await found.Body?.transformToByteArray()) ?? new Uint8Array();
        if (found.ContentLength !== undefined && body.length !== found.ContentLength) {
          throw new StoreUnavailableError(`"${key}" ended before its size while being read. Retry.`);
        }
        const size = Number(found.ContentRange?.split('/')[1] ?? body.length);
        return { ...infoOf(key, { ...found, Size: size }), body };
      } catch (error) {
        // The range starts past the end, or the object is empty.
        if (codeOf(error) === 'InvalidRange') return this.#getNothing(key, ifMatch);
        throw error;
      }
    });
  }

  async head(key: string): Promise<ObjectInfo> {
    const target = this.#target(key);
    return this.#do(key, async () => {
      const found = await this.#client.send(new HeadObjectCommand({ ...target, ChecksumMode: 'ENABLED' }));
      return infoOf(key, { ...found, Size: found.ContentLength });
    });
  }

  async *list(
    prefix: string,
    options: { startAfter?: string; pageSize?: number } = {},
  ): AsyncGenerator<ObjectInfo[], void, undefined> {
    const request = {
      ...this.#bucket,
      Prefix: this.#prefix + prefix,
      StartAfter: options.startAfter === undefined ? undefined : this.#prefix + options.startAfter,
      MaxKeys: checkPageSize(options.pageSize),
      // A key may contain characters that XML cannot; one such key must not break the whole listing.
      EncodingType: 'url' as const,
    };
    let ContinuationToken: string | undefined;
    do {
      const command = new ListObjectsV2Command({ ...request, ContinuationToken });
      const page = await this.#do(prefix, () => this.#client.send(command));
      const infos = this.#infosOf(page);
      if (infos.length > 0) yield infos;
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined);
  }

  async putIfAbsent(key: string, body: Body, options: { sha256?: string } = {}): Promise<{ etag: string }> {
    const target = this.#target(key);
    const { sha256 } = options;
    // Verifies what S3 cannot: the digest of an object made of parts, and the announced size of a stream.
    if (isStream(body) && body.size > PART_SIZE) {
      return etagOf(
        key,
        await uploadMultipart({
          retrying: this.#client,
          once: this.#writer,
          attempt: (request) => this.#do(key, request),
          target,
          size: body.size,
          chunks: checkedChunks(key, body, sha256),
        }),
      );
    }
    const Body = isStream(body) ? await collectBody(key, body) : body;
    const ChecksumSHA256 = sha256 === undefined ? undefined : hexToBase64(sha256);
    const command = new PutObjectCommand({ ...target, Body, ChecksumSHA256, IfNoneMatch: '*' });
    return etagOf(key, await this.#do(key, () => this.#writer.send(command)));
  }

  async putIfMatch(key: string, body: Uint8Array, etag: string): Promise<{ etag: string }> {
    const command = new PutObjectCommand({ ...this.#target(key), Body: body, IfMatch: etag });
    return etagOf(key, await this.#do(key, () => this.#writer.send(command)));
  }

  async deleteIfMatch(key: string, etag: string): Promise<void> {
    const command = new DeleteObjectCommand({ ...this.#target(key), IfMatch: etag });
    try {
      await this.#do(key, () => this.#writer.send(command)).catch(async (error: unknown) => {
        // For an absent key, stores answer either 404 or 412, as for other content.
        if (error instanceof PreconditionFailedError) await this.head(key);
        throw error;
      });
    } catch (error) {
      if (!(error instanceof ObjectNotFoundError)) throw error;
    }
  }

  async delete(key: string): Promise<void> {
    const command = new DeleteObjectCommand(this.#target(key));
    await this.#do(key, () => this.#writer.send(command));
  }

  /** As for `get` of an empty range. */
  async #getNothing(key: string, ifMatch: string | undefined): Promise<StoredObject> {
    const info = await this.head(key);
    if (ifMatch !== undefined && ifMatch !== info.etag) throw new PreconditionFailedError(key);
    return { ...info, body: new Uint8Array() };
  }

  #infosOf(page: ListObjectsV2CommandOutput): ObjectInfo[] {
    return (page.Contents ?? []).map((found) => {
      // The encoding is that of HTML forms: a space is a plus sign.
      const encoded = found.Key ?? '';
      const key = page.EncodingType === 'url' ? decodeURIComponent(encoded.replaceAll('+', ' ')) : encoded;
      return infoOf(key.slice(this.#prefix.length), found);
    });
  }

  #target(key: string): { Bucket: string; ExpectedBucketOwner?: string; Key: string } {
    return { ...this.#bucket, Key: this.#prefix + checkKey(key) };
  }

  async #do<T>(key: string, request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      throw translateS3Error(this.url, key, error);
    }
  }
}

interface Found {
  ETag?: string | undefined;
  Size?: number | undefined;
  LastModified?: Date | undefined;
  ChecksumSHA256?: string | undefined;
}

function infoOf(key: string, found: Found): ObjectInfo {
  const sha256 = wholeSha256(found.ChecksumSHA256);
  return {
    key,
    size: found.Size ?? 0,
    ...etagOf(key, found),
    lastModified: found.LastModified?.getTime() ?? 0,
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}

function etagOf(key: string, { ETag }: Found): { etag: string } {
  if (ETag === undefined) throw new StoreUnavailableError(`The store answered for "${key}" without an ETag. Retry.`);
  return { etag: ETag };
}
