/**
 * A delta as it is stored: its text, either uncompressed or as one zstd frame or one gzip file. They are told apart by
 * their first bytes, with which no text can begin (ADR 54). Whether two deltas have the same content is decided on the
 * stored bytes, whatever they contain.
 */
import { constants, gunzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
/** The magic number of gzip, followed by the byte for deflate, its only method. */
const GZIP = Buffer.from([0x1f, 0x8b, 0x08]);
/**
 * Smaller texts are stored uncompressed, so that people can read them: compressing them would save nothing, since a
 * store bills requests.
 */
const LEAST_BYTES = 1024;
/** Memory is allocated step by step, as the text turns out to need it, rather than for the largest possible text. */
const CHUNK_BYTES = 256 * 1024;

/** Why stored bytes are not a valid delta. */
export interface Undecodable {
  isTooLarge: boolean;
  reason: string;
}

/**
 * The form in which this writer stores a text: zstd with a checksum, since without one a damaged frame may decompress
 * into something else. The same text gives the same bytes on every machine, as long as the version of zstd stays the
 * same.
 */
export function compressDelta(text: Uint8Array): Uint8Array {
  if (text.length < LEAST_BYTES) return text;
  const stored = zstdCompressSync(text, { params: { [constants.ZSTD_c_checksumFlag]: 1 }, chunkSize: CHUNK_BYTES });
  return stored.length < text.length ? stored : text;
}

/**
 * The text of a stored delta; the same bytes if it is not compressed. Blocks the thread for about 0.1 s if the text has
 * 64 MiB.
 * @param limit Of the text, in bytes: decompression stops there.
 */
export function decompressDelta(stored: Uint8Array, limit: number): Uint8Array | Undecodable {
  const kind = kindOf(stored);
  if (kind === undefined) return stored;
  const options = { maxOutputLength: limit, chunkSize: CHUNK_BYTES };
  try {
    return kind === 'gzip' ? gunzipSync(stored, options) : oneFrame(stored, options);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      const reason = `The delta has more than ${limit} bytes decompressed; at most ${limit} are read. Send several smaller ones.`;
      return { isTooLarge: true, reason };
    }
    return { isTooLarge: false, reason: `The object begins as ${kind} does, and cannot be decompressed: ${message}.` };
  }
}

function kindOf(stored: Uint8Array): 'zstd' | 'gzip' | undefined {
  if (ZSTD.equals(stored.subarray(0, ZSTD.length))) return 'zstd';
  return GZIP.equals(stored.subarray(0, GZIP.length)) ? 'gzip' : undefined;
}

/** Node.js stops after the first frame without reporting what follows, which would be lost. */
function oneFrame(stored: Uint8Array, options: { maxOutputLength: number; chunkSize: number }): Uint8Array {
  const { buffer, engine } = zstdDecompressSync(stored, { ...options, info: true }) as unknown as {
    buffer: Uint8Array;
    engine: { bytesWritten: number };
  };
  const rest = stored.length - engine.bytesWritten;
  if (rest === 0) return buffer;
  throw new Error(`${rest} bytes follow its first frame; send one frame`);
}
