/** One process's way to its services: two links, and latencies. */
import { Link, realTimer, type Timer } from './link.ts';
import type { NetworkModel } from './model.ts';

export interface Request {
  latencyMs: number;
  /** With its bytes; without it the request moves none worth counting. */
  link?: Link;
  bytesUp?: number;
}

export class Network {
  readonly model: NetworkModel;
  readonly store: Link;
  readonly cache: Link;
  readonly timer: Timer;

  constructor(model: NetworkModel, timer: Timer = realTimer) {
    this.model = model;
    this.timer = timer;
    this.store = new Link(model.storeBytesPerSecond, timer);
    this.cache = new Link(model.cacheBytesPerSecond, timer);
  }

  async wait(ms: number): Promise<void> {
    await this.timer.until(this.timer.now() + ms);
  }

  /** A request that takes effect halfway: bytes go up, then half the latency, the real work, and the other half. */
  async request<Result>(
    { latencyMs, link, bytesUp = 0 }: Request,
    work: () => Promise<Result>,
    bytesDown: (result: Result) => number = () => 0,
  ): Promise<Result> {
    const started = this.timer.now();
    const sent = (await link?.transfer(bytesUp, started)) ?? started;
    await this.timer.until(sent + latencyMs / 2);
    try {
      const result = await work();
      // What the model lets arrive while the real work still goes on has arrived.
      await link?.transfer(bytesDown(result), sent + latencyMs);
      return result;
    } finally {
      await this.timer.until(sent + latencyMs);
    }
  }

  /** A request whose real work is as long as its transfer: both at once. */
  async upload<Result>(transfer: () => Promise<void>, work: () => Promise<Result>): Promise<Result> {
    const [result] = await Promise.all([work(), transfer()]);
    return result;
  }
}
