/** Frames compressed and decompressed by the threads of libuv, while the event loop reads, writes and hashes. */
import { constants, createZstdCompress, zstdDecompress } from 'node:zlib';
import type { FrameCodec } from '../ports.ts';
import { chunkSizeFor, compressedBound } from '../snapshot/frames.ts';

export class ThreadedCodec implements FrameCodec {
  /**
   * One write that is also the end of the frame: only then does zstd know the length beforehand, as it does in
   * `compressFrame`, and gives the same bytes. Ending the stream would add another, empty frame.
   */
  compress(raw: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const chunkSize = compressedBound(raw.length);
      const stream = createZstdCompress({ flush: constants.ZSTD_e_end, chunkSize });
      const parts: Uint8Array[] = [];
      stream.on('data', (part: Uint8Array) => parts.push(part)).once('error', reject);
      stream.write(raw, () => {
        const [stored] = parts;
        // It had room for all of it in one buffer; a part of it would be a damaged frame.
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
