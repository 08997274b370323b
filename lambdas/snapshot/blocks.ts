/**
 * Block digests: compare a changed file with its base without keeping the base.
 *
 * A file is a row of 4 KiB blocks (the last one may be short). Its digests are the SHA-256 of each block, 32 bytes
 * apiece, and its content digest is the SHA-256 over those digests followed by its size as eight big-endian bytes: one
 * pass over the data gives both. 4 KiB is SQLite's page size in Chroma's database.
 */
import { createHash, hash } from 'node:crypto';

export const BLOCK_SIZE = 4096;
export const DIGEST_SIZE = 32;

/** Digests of one file: `blocks` holds 32 bytes per block, in order. */
export interface FileDigests {
  size: number;
  blocks: Uint8Array;
}

/**
 * Digests of a directory as one manifest has it. They outlive the `clean` marker: a dirty directory is repaired by
 * comparing its blocks with them, which is why they name the manifest that they describe.
 */
export interface DirectoryDigests {
  manifestKey: string;
  manifestSha256: string;
  /** Stored bytes of that manifest: the commit may be an orphan by the time the directory is needed again. */
  manifest: Uint8Array;
  /** By relative path. */
  files: Map<string, FileDigests>;
}

export function blockCount(size: number): number {
  return Math.ceil(size / BLOCK_SIZE);
}

export function blockDigest(block: Uint8Array): Uint8Array {
  return hash('sha256', block, 'buffer');
}

/** Digests of the blocks of a chunk that begins at a block, 32 bytes apiece; the last block may be short. */
export function blockDigests(chunk: Uint8Array): Uint8Array {
  const digests = new Uint8Array(blockCount(chunk.length) * DIGEST_SIZE);
  for (let start = 0, at = 0; start < chunk.length; start += BLOCK_SIZE, at += DIGEST_SIZE) {
    digests.set(blockDigest(chunk.subarray(start, start + BLOCK_SIZE)), at);
  }
  return digests;
}

/** Hex content digest of a file, from the digests of its blocks. */
export function contentDigest(digests: FileDigests): string {
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(digests.size));
  return createHash('sha256').update(digests.blocks).update(size).digest('hex');
}

/** Hex SHA-256 of bytes. */
export function sha256(bytes: Uint8Array | string): string {
  return hash('sha256', bytes, 'hex');
}
