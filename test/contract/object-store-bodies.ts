/** Bodies for the suite. */
import { createHash } from 'node:crypto';
import type { StreamBody } from '../../lambdas/ports.ts';

export function bytes(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

export function text(body: Uint8Array): string {
  return new TextDecoder().decode(body);
}

export function sha256(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}

/** Bytes without a short period, the same in every run. */
export function noise(size: number): Uint8Array {
  const body = new Uint8Array(size);
  let state = 1;
  for (let n = 0; n < size; n++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    body[n] = state >>> 16;
  }
  return body;
}

/**
 * `size` defaults to the true one; chunks are odd-sized, so that they never coincide with parts, and each is gone when the
 * next one is asked for.
 */
export function streamOf(body: Uint8Array, size: number = body.length): StreamBody {
  return {
    size,
    async *stream() {
      const step = 1_000_003;
      for (let start = 0; start < body.length; start += step) {
        const chunk = Uint8Array.from(body.subarray(start, start + step));
        yield chunk;
        chunk.fill(0);
      }
    },
  };
}

/** A stream that breaks after its first megabyte. */
export function brokenStream(size: number, error: Error): StreamBody {
  return {
    size,
    async *stream() {
      yield noise(1024 * 1024);
      throw error;
    },
  };
}
