import { describe, expect, it } from 'vitest';
import { CompressionLine } from '../../lambdas/commit/compression-line.ts';
import type { FrameCodec } from '../../lambdas/ports.ts';
import { PackBuilder, type RawFrame } from '../../lambdas/snapshot/pack.ts';
import { MEMORY_CODEC, openStored } from '../support/memory-codec.ts';

const KEY = 'packs/docs/01ARZ3NDEKTSV4RRFFQ69G5FAV-0.pack';

/** Compresses when it is told to, in whatever order. */
class SlowCodec implements FrameCodec {
  readonly waiting: Array<{ finish: () => void; fail: (error: Error) => void }> = [];
  most = 0;

  async compress(raw: Uint8Array): Promise<Uint8Array> {
    await new Promise<void>((finish, fail) => {
      this.waiting.push({ finish, fail });
      this.most = Math.max(this.most, this.waiting.length);
    });
    return MEMORY_CODEC.compress(raw);
  }

  decompress = MEMORY_CODEC.decompress;

  /** The last one first, until nothing waits. */
  async drain(): Promise<void> {
    for (let idle = 0; idle < 20; idle++) {
      await Promise.resolve();
      const last = this.waiting.pop();
      if (last === undefined) continue;
      last.finish();
      idle = 0;
    }
  }
}

function framesOf(builder: PackBuilder, count: number): RawFrame[] {
  const bytes = (n: number) => Buffer.alloc(256 * 1024, `frame ${n} `);
  return Array.from({ length: count }, (_, n) => [...builder.add('file', n * 256 * 1024, bytes(n))]).flat();
}

describe('a line of frames being compressed', () => {
  it('writes them in the order given, whichever is ready first, and holds few of them', async () => {
    const codec = new SlowCodec();
    const builder = new PackBuilder(KEY);
    const written: Uint8Array[] = [];
    const line = new CompressionLine(codec, builder, async (stored) => void written.push(Buffer.from(stored)));
    const frames = framesOf(builder, 20);

    const pushing = (async () => {
      for (const frame of frames) await line.push(frame);
      await line.end();
    })();
    await codec.drain();
    await pushing;

    const stored = Buffer.concat(written);
    const { pack, extents } = builder.finish();
    expect(pack?.size).toBe(stored.length);
    const list = extents.get('file') ?? [];
    expect(list.map(({ offset }) => offset)).toEqual(frames.map((_, n) => n * 256 * 1024));
    for (const [n, { frame }] of list.entries()) {
      const raw = await openStored(frame, stored.subarray(frame.offset, frame.offset + frame.length));
      expect(Buffer.from(raw).toString('latin1', 0, 8)).toBe(`frame ${n} `.slice(0, 8));
    }
    expect(codec.most).toBeGreaterThan(1);
    expect(codec.most).toBeLessThanOrEqual(5);
  });

  it('tells whoever waits for its end what went wrong with a frame, and leaves nothing behind', async () => {
    const codec = new SlowCodec();
    const builder = new PackBuilder(KEY);
    let writes = 0;
    const line = new CompressionLine(codec, builder, async () => void writes++);
    const broken = new Error('no memory');
    for (const frame of framesOf(builder, 3)) await line.push(frame);

    const ending = line.end();
    const [first, second, third] = codec.waiting;
    second?.fail(broken);
    third?.finish();
    first?.finish();

    await expect(ending).rejects.toBe(broken);
    expect(writes).toBe(1);
  });

  it('tells what went wrong with writing, and writes nothing after it', async () => {
    const full = new Error('the disk is full');
    const builder = new PackBuilder(KEY);
    let writes = 0;
    const line = new CompressionLine(MEMORY_CODEC, builder, async () => {
      writes++;
      throw full;
    });

    const pushing = (async () => {
      for (const frame of framesOf(builder, 12)) await line.push(frame);
    })();

    await expect(pushing).rejects.toBe(full);
    await expect(line.end()).rejects.toBe(full);
    expect(writes).toBe(1);
  });
});
