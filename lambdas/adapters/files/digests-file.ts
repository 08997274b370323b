/**
 * Block digests of a working directory, as one binary file beside it. 600 MB of snapshot make 4.7 MB of digests.
 *
 *     magic "CCDIGEST" | u32 version | text manifestKey | text manifestSha256
 *     u32 length | manifest | u32 files
 *     per file: text path | u64 size | 32 bytes per block of 4 KiB
 *     SHA-256 of all of the above
 *
 * Integers are big-endian; a text is its UTF-8 length (u32) and its bytes. The file only saves work, so a damaged one
 * counts as absent.
 */
import { createHash, hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { InvalidInputError } from '../../errors/errors.ts';
import { blockCount, DIGEST_SIZE, type DirectoryDigests, type FileDigests } from '../../snapshot/blocks.ts';
import { unlessAbsent } from './disk-errors.ts';
import { replaceFile } from './durable.ts';

const MAGIC = Buffer.from('CCDIGEST');
const VERSION = 1;
const CHECKSUM_SIZE = 32;

/** `undefined` when absent or damaged. */
export async function readDigestsFile(path: string): Promise<DirectoryDigests | undefined> {
  const bytes = await unlessAbsent(readFile(path));
  return bytes === undefined ? undefined : decodeDigests(bytes);
}

/** Durable and atomic. */
export async function writeDigestsFile(path: string, digests: DirectoryDigests): Promise<void> {
  await replaceFile(path, partsOf(digests));
}

/** @throws InvalidInputError (a file's digests are not one per block) */
export function encodeDigests(digests: DirectoryDigests): Buffer {
  return Buffer.concat(partsOf(digests));
}

/** The file in pieces, most of which exist in memory: digests grow with the snapshot, so they are not copied. */
function partsOf(digests: DirectoryDigests): Uint8Array[] {
  const parts: Uint8Array[] = [MAGIC, u32(VERSION), ...text(digests.manifestKey), ...text(digests.manifestSha256)];
  parts.push(u32(digests.manifest.length), digests.manifest, u32(digests.files.size));
  for (const [path, { size, blocks }] of digests.files) {
    if (blocks.length !== blockCount(size) * DIGEST_SIZE) {
      throw new InvalidInputError(
        `"${path}" has ${size} bytes but ${blocks.length} bytes of digests. Compute its digests again from the file.`,
      );
    }
    parts.push(...text(path), u64(size), blocks);
  }
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return [...parts, hash.digest()];
}

/** `undefined` for bytes that `encodeDigests` of this version did not make. */
export function decodeDigests(bytes: Uint8Array): DirectoryDigests | undefined {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, Math.max(0, bytes.byteLength - CHECKSUM_SIZE));
  if (!checksum(body).equals(bytes.subarray(body.length))) return undefined;
  const reader = new Reader(body);
  try {
    if (!reader.take(MAGIC.length).equals(MAGIC) || reader.u32() !== VERSION) return undefined;
    const manifestKey = reader.text();
    const manifestSha256 = reader.text();
    const manifest = reader.take(reader.u32());
    const files = new Map<string, FileDigests>();
    for (let left = reader.u32(); left > 0; left--) {
      const path = reader.text();
      const size = reader.u64();
      files.set(path, { size, blocks: reader.take(blockCount(size) * DIGEST_SIZE) });
    }
    return reader.atEnd() ? { manifestKey, manifestSha256, manifest, files } : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Reads fields from the front. Throws RangeError at the end of the bytes. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new RangeError('The bytes end inside a field.');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
  u32(): number {
    return this.take(4).readUInt32BE();
  }
  u64(): number {
    return Number(this.take(8).readBigUInt64BE());
  }
  text(): string {
    return this.take(this.u32()).toString('utf8');
  }
  atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function text(value: string): Buffer[] {
  const bytes = Buffer.from(value);
  return [u32(bytes.length), bytes];
}

function checksum(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer');
}
