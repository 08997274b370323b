/** Create-only writes of large bodies: parts in parallel, then one conditional request that makes the object appear. */
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { sha256Base64 } from './s3-digest.ts';

/** Four in flight and one being filled take 40 MiB, whatever the size of the body. */
export const PART_SIZE = 8 * 1024 * 1024;
const PARALLEL_PARTS = 4;
/** S3's limit. */
const MAX_PARTS = 10_000;

export interface MultipartUpload {
  /** Sends requests that may be retried: nothing is visible before the upload is completed. */
  retrying: S3Client;
  /** Sends the completing request, once. */
  once: S3Client;
  /** Runs one request and translates its errors; errors of `chunks` pass unchanged. */
  attempt: <T>(request: () => Promise<T>) => Promise<T>;
  target: { Bucket: string; Key: string; ExpectedBucketOwner?: string };
  size: number;
  /** Throws at its end if the body is not what was announced; the upload is then aborted. */
  chunks: AsyncIterable<Uint8Array>;
}

/**
 * Each part carries its SHA-256, which S3 verifies; S3 keeps no SHA-256 of a whole object made of parts, so the caller
 * verifies that in `chunks`. Any failure aborts the upload, which also keeps a late completion from landing.
 */
export async function uploadMultipart(upload: MultipartUpload): Promise<{ ETag?: string | undefined }> {
  const { retrying, once, attempt, target, size } = upload;
  const create = new CreateMultipartUploadCommand({ ...target, ChecksumAlgorithm: 'SHA256' });
  const { UploadId } = await attempt(() => retrying.send(create));
  try {
    const Parts = await uploadParts(upload, UploadId);
    const whole = { UploadId, MultipartUpload: { Parts }, MpuObjectSize: size };
    const complete = new CompleteMultipartUploadCommand({ ...target, ...whole, IfNoneMatch: '*' });
    return await attempt(() => once.send(complete));
  } catch (error) {
    // The first error is reported; the bucket's lifecycle rule removes parts that are left behind.
    await retrying.send(new AbortMultipartUploadCommand({ ...target, UploadId })).catch(() => undefined);
    throw error;
  }
}

async function uploadParts(upload: MultipartUpload, UploadId: string | undefined): Promise<CompletedPart[]> {
  const { retrying, attempt, target, chunks, size } = upload;
  const done: CompletedPart[] = [];
  const pending = new Set<Promise<void>>();
  const failures: unknown[] = [];
  /**
   * Buffers of parts that were sent. An abandoned socket may still read one, which is harmless because parts carry
   * checksums.
   */
  const spare: Uint8Array[] = [];
  const send = async (Body: Uint8Array, PartNumber: number) => {
    const ChecksumSHA256 = sha256Base64(Body);
    const command = new UploadPartCommand({ ...target, UploadId, PartNumber, Body, ChecksumSHA256 });
    const { ETag } = await attempt(() => retrying.send(command));
    done[PartNumber - 1] = { PartNumber, ETag, ChecksumSHA256 };
  };
  try {
    let number = 0;
    for await (const part of partsOf(chunks, Math.max(PART_SIZE, Math.ceil(size / MAX_PARTS)), spare)) {
      number += 1;
      const task = send(part, number)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => {
          pending.delete(task);
          spare.push(new Uint8Array(part.buffer));
        });
      pending.add(task);
      if (pending.size >= PARALLEL_PARTS) await Promise.race(pending);
      if (failures.length > 0) break;
    }
  } finally {
    // A part that lands after the abort would remain and cost money.
    await Promise.all(pending);
  }
  if (failures.length > 0) throw failures[0];
  return done;
}

/** Each in its own buffer, reusing those in `spare`. */
async function* partsOf(
  chunks: AsyncIterable<Uint8Array>,
  partSize: number,
  spare: Uint8Array[],
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const take = () => (spare.pop() as Uint8Array<ArrayBuffer> | undefined) ?? new Uint8Array(partSize);
  let part = take();
  let filled = 0;
  for await (const chunk of chunks) {
    for (let taken = 0; taken < chunk.length; ) {
      const piece = chunk.subarray(taken, taken + partSize - filled);
      part.set(piece, filled);
      filled += piece.length;
      taken += piece.length;
      if (filled < partSize) continue;
      yield part;
      part = take();
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}
