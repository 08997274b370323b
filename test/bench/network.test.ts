/** The network model by its own clock: no real time passes here. */
import { describe, expect, test } from 'vitest';
import { Link, type Timer } from '../../bench/network/link.ts';
import { PRESETS } from '../../bench/network/model.ts';
import { Network } from '../../bench/network/network.ts';

/** Time moves on to the next moment that anybody waits for. */
class VirtualTimer implements Timer {
  #now = 0;
  readonly #waiting: Array<{ at: number; wake: () => void }> = [];
  now(): number {
    return this.#now;
  }
  until(at: number): Promise<void> {
    if (at <= this.#now) return Promise.resolve();
    return new Promise((wake) => {
      this.#waiting.push({ at, wake });
    });
  }
  /** Run until `work` is done; answers when that was. */
  async run(work: Promise<unknown>): Promise<number> {
    let done = false;
    work.finally(() => {
      done = true;
    });
    for (;;) {
      // Lets everything run that waits for no time.
      await new Promise((resolve) => setImmediate(resolve));
      if (done) return this.#now;
      const next = this.#waiting.sort((a, b) => a.at - b.at).shift();
      if (next === undefined) throw new Error('nobody waits, and the work is not done');
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
  }
}

const MB = 1_000_000;

describe('a link', () => {
  test('takes the time of its bytes', async () => {
    const timer = new VirtualTimer();
    const link = new Link(90 * MB, timer);
    expect(await timer.run(link.transfer(90 * MB, 0))).toBeCloseTo(1_000, 6);
  });

  test('is shared by concurrent transfers: a small one does not wait for the end of a large one', async () => {
    const timer = new VirtualTimer();
    const link = new Link(100 * MB, timer);
    const large = link.transfer(100 * MB, 0);
    const small = link.transfer(1 * MB, 0);
    expect(await timer.run(small)).toBeLessThan(50);
    expect(await timer.run(large)).toBeCloseTo(1_010, 6);
  });

  test('gives no credit for the time in which nobody used it', async () => {
    const timer = new VirtualTimer();
    const link = new Link(100 * MB, timer);
    await timer.run(timer.until(500));
    expect(await timer.run(link.transfer(10 * MB, timer.now()))).toBeCloseTo(600, 6);
  });
});

describe('a request', () => {
  const { storeReadMs, storeWriteMs } = PRESETS.aws;

  test('takes effect halfway through its latency, after its bytes have gone up', async () => {
    const timer = new VirtualTimer();
    const network = new Network(PRESETS.aws, timer);
    let effect = 0;
    const request = { latencyMs: storeWriteMs, link: network.store, bytesUp: 9 * MB };
    const end = await timer.run(
      network.request(request, async () => {
        effect = timer.now();
      }),
    );
    expect([effect, end]).toEqual([expect.closeTo(120, 6), expect.closeTo(140, 6)]);
  });

  test('waits for what comes down, and takes its latency when it fails as well', async () => {
    const timer = new VirtualTimer();
    const network = new Network(PRESETS.aws, timer);
    const request = { latencyMs: storeReadMs, link: network.store };
    const down = network.request(
      request,
      async () => 'body',
      () => 9 * MB,
    );
    expect(await timer.run(down)).toBeCloseTo(120, 6);
    const failing = network.request(request, () => Promise.reject(new Error('no such key')));
    failing.catch(() => {});
    expect(await timer.run(failing.catch(() => {}))).toBeCloseTo(140, 6);
    await expect(failing).rejects.toThrow('no such key');
  });

  test('takes no time by the local model', async () => {
    const timer = new VirtualTimer();
    const network = new Network(PRESETS.local, timer);
    const request = { latencyMs: PRESETS.local.storeWriteMs, link: network.store, bytesUp: 600 * MB };
    expect(await timer.run(network.request(request, async () => {}))).toBe(0);
  });
});
