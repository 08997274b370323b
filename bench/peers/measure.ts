/** One peer from its start to its end: loads, queries, freshness, and a crash. */
import { setTimeout as sleep } from 'node:timers/promises';
import { vector } from '../fixture/corpus.ts';
import { percentile } from '../statistics.ts';
import { openClient } from './clients.ts';
import type { LoadResult, PeerResult, Spread } from './document.ts';
import type { Load } from './messages.ts';
import { now } from './now.ts';
import { type Client, idsOf, type Peer, type PeerName, RECORDS_PER_WRITE } from './peer.ts';
import { PeerProcess } from './process.ts';

export interface PeersPlan {
  writers: readonly number[];
  loadMs: number;
  pauseMs: number;
  outstanding: number;
  queries: number;
  probes: number;
  /** Into the run at which everything is killed. */
  crashMs: number;
  /** Longest wait for a backlog. */
  drainMs: number;
}

const POLL_MS = 20;
const PROBE_POLL_MS = 5;
const PROBE_MS = 60_000;
/** A crash without them would show nothing. */
const LEAST_ACKS = 5;
const LONGEST_CRASH_MS = 60_000;
/** Of ids, in one look. */
const IDS_AT_ONCE = 500;
const YEARS = 36;

export class Measurement {
  readonly #name: PeerName;
  readonly #peer: Peer;
  readonly #base: number;
  readonly #plan: PeersPlan;
  readonly #report: (text: string) => void;
  /** Number of the next write that nobody has used. */
  #next = 0;

  constructor(name: PeerName, peer: Peer, base: number, plan: PeersPlan, report: (text: string) => void) {
    this.#name = name;
    this.#peer = peer;
    this.#base = base;
    this.#plan = plan;
    this.#report = report;
  }

  /** What was measured by then stays in `result`, whatever this throws. */
  async run(result: PeerResult): Promise<void> {
    this.#report('start');
    await this.#peer.start();
    try {
      await this.#queries(result);
      await this.#freshness(result);
      for (const writers of this.#plan.writers) {
        for (const mode of ['paced', 'open'] as const) {
          this.#report(`${writers} ${writers === 1 ? 'writer' : 'writers'}, ${mode}`);
          result.loads.push(await this.#load(mode, writers));
        }
      }
      this.#report('killed in mid-run');
      result.crash = await this.#crash();
    } finally {
      await this.#peer.stop();
    }
  }

  async #queries(result: PeerResult): Promise<void> {
    if (this.#name === 'predecessor') return;
    this.#report('queries');
    await this.#withClient(async (client) => {
      const ask = async (query: NonNullable<Client['queryIndex']>) => ({
        plain: await this.#timeQueries((n) => query(vector(9_000_000 + n))),
        where: await this.#timeQueries((n) => query(vector(9_500_000 + n), 1990 + (n % YEARS))),
      });
      result.queries = await ask(client.query);
      if (client.queryIndex !== undefined) result.queriesIndexOnly = await ask(client.queryIndex);
    });
  }

  async #timeQueries(query: (n: number) => Promise<string[]>): Promise<Spread> {
    const times: number[] = [];
    // The first ones load the index.
    for (let n = -5; n < this.#plan.queries; n++) {
      const started = now();
      await query(n + 5);
      if (n >= 0) times.push(now() - started);
    }
    return spreadOf(times);
  }

  /** A writer in a process of its own, and a client in this one, which looks as often as it can from the acknowledgement on. */
  async #freshness(result: PeerResult): Promise<void> {
    this.#report('freshness');
    const writer = await this.#writer(0);
    try {
      await this.#withClient(async (client) => {
        await client.present(idsOf(this.#base, 0));
        const times: number[] = [];
        for (let probe = 0; probe < this.#plan.probes; probe++) {
          const n = this.#next++;
          const acked = Promise.withResolvers<number>();
          writer.onAck = ({ at }) => acked.resolve(at);
          await writer.ask({ kind: 'write', n });
          const at = await acked.promise;
          while ((await client.present(idsOf(this.#base, n))).size < RECORDS_PER_WRITE) {
            if (now() - at > PROBE_MS) throw new Error(`Write ${n} was not seen within ${PROBE_MS / 1_000} s.`);
            await sleep(PROBE_POLL_MS);
          }
          times.push(now() - at);
        }
        result.freshness = spreadOf(times);
      });
    } finally {
      await writer.end();
    }
  }

  async #load(mode: Load['mode'], writers: number): Promise<LoadResult> {
    const { loadMs, pauseMs, outstanding } = this.#plan;
    const processes = await Promise.all(Array.from({ length: writers }, (_, nth) => this.#writer(nth)));
    const acks: Array<{ n: number; ms: number; at: number }> = [];
    for (const process of processes) process.onAck = (ack) => void acks.push(ack);
    const first = this.#next;
    const started = now();
    const answers = await Promise.all(
      processes.map((process, nth) =>
        process.ask({
          kind: 'load',
          load: { mode, durationMs: loadMs, pauseMs, outstanding, first: first + nth, step: writers },
        }),
      ),
    );
    // Until the last acknowledgement, so that what was begun in time counts whole.
    const seconds = (Math.max(now(), ...acks.map(({ at }) => at)) - started) / 1_000;
    this.#next = Math.max(first, ...acks.map(({ n }) => n)) + writers * (outstanding + 1);
    const backlog = await this.#peer.waiting();
    const drainStarted = now();
    await Promise.all(processes.map((process) => process.ask({ kind: 'settle' })));
    const left = await this.#drain();
    const drainMs = now() - drainStarted;
    await Promise.all(processes.map((process) => process.end()));
    const reason = answers.find((answer) => answer.reason !== undefined)?.reason;
    return {
      mode,
      writers,
      acknowledged: acks.length,
      perSecond: acks.length / seconds,
      latency: spreadOf(acks.map(({ ms }) => ms)),
      failed: answers.reduce((sum, { failed = 0 }) => sum + failed, 0),
      ...(reason !== undefined && { reason }),
      backlog,
      drainMs,
      left,
      lost: left > 0 ? 0 : await this.#lost(acks.map(({ n }) => n)),
    };
  }

  async #crash(): Promise<{ acknowledged: number; lost: number }> {
    const { crashMs, outstanding } = this.#plan;
    const processes = await Promise.all([this.#writer(0), this.#writer(1)]);
    const acked: number[] = [];
    for (const process of processes) process.onAck = ({ n }) => void acked.push(n);
    const load = { mode: 'open' as const, durationMs: 2 * LONGEST_CRASH_MS, pauseMs: 0, outstanding };
    for (const [nth, process] of processes.entries()) {
      process.ask({ kind: 'load', load: { ...load, first: this.#next + nth, step: 2 } }).catch(() => {});
    }
    const started = now();
    while (now() - started < crashMs || acked.length < LEAST_ACKS) {
      if (now() - started > LONGEST_CRASH_MS) break;
      await sleep(POLL_MS);
    }
    await Promise.all([this.#peer.crash(), ...processes.map((process) => process.kill())]);
    await this.#peer.recover();
    await this.#drain();
    return { acknowledged: acked.length, lost: await this.#lost(acked) };
  }

  /** @returns what still waits when it takes too long */
  async #drain(): Promise<number> {
    const end = now() + this.#plan.drainMs;
    for (;;) {
      const left = await this.#peer.waiting();
      if (left === 0 || now() > end) return left;
      await sleep(POLL_MS);
    }
  }

  async #lost(writes: readonly number[]): Promise<number> {
    if (writes.length === 0) return 0;
    return this.#withClient(async (client) => {
      const ids = writes.flatMap((n) => idsOf(this.#base, n));
      const there = new Set<string>();
      for (let from = 0; from < ids.length; from += IDS_AT_ONCE) {
        for (const id of await client.present(ids.slice(from, from + IDS_AT_ONCE))) there.add(id);
      }
      return writes.filter((n) => !idsOf(this.#base, n).every((id) => there.has(id))).length;
    });
  }

  async #writer(nth: number): Promise<PeerProcess> {
    const process = new PeerProcess();
    await process.ask({ kind: 'client', peer: this.#name, address: this.#peer.address, nth });
    // The first one opens connections and loads code, and does not count.
    await process.ask({ kind: 'write', n: this.#next++ });
    return process;
  }

  async #withClient<Result>(use: (client: Client) => Promise<Result>): Promise<Result> {
    const client = await openClient(this.#name, this.#peer.otherAddress ?? this.#peer.address, 9);
    try {
      return await use(client);
    } finally {
      await client.close();
    }
  }
}

export function spreadOf(times: readonly number[]): Spread {
  const at = (fraction: number) => (times.length === 0 ? null : percentile(times, fraction));
  return { count: times.length, p50Ms: at(0.5), p99Ms: at(0.99) };
}
