/** Frames compressed and decompressed by the threads of libuv, while the event loop reads, writes and hashes. */
import { constants, createZstdCompress, zstdDecompress } from 'node:zlib';
import type { FrameCodec } from '../ports.ts';
import { chunkSizeFor, compressedBound } from '../snapshot/frames.ts';

export class ThreadedCodec implements FrameCodec {
  /**
   * A single write that also ends the frame: only then does zstd know the length in advance, as in `compressFrame`, and
   * produce the same bytes. Ending the stream afterwards would add another, empty frame.
   */
  compress(raw: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const chunkSize = compressedBound(raw.length);
      const stream = createZstdCompress({ flush: constants.ZSTD_e_end, chunkSize });
      const parts: Uint8Array[] = [];
      stream.on('data', (part: Uint8Array) => parts.push(part)).once('error', reject);
      stream.write(raw, () => {
        const [stored] = parts;
        // The buffer has room for the whole output; less than that would be a damaged frame.
        if (stored !== undefined && parts.length === 1 && stream.readableLength === 0) resolve(stored);
        else reject(new Error(`zstd gave ${parts.length} parts of a frame of ${raw.length} bytes.`));
        stream.destroy();
      });
    });
  }

  decompress(stored: Uint8Array, rawLength: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const options = { maxOutputLength: rawLength, chunkSize: chunkSizeFor(rawLength) };
      zstdDecompress(stored, options, (error, raw) => (error === null ? resolve(raw) : reject(error)));
    });
  }
}
