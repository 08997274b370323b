/** An endpoint beside a plain Chroma server: the two in turn, so that whatever else this machine does falls on both. */
import { vector } from '../fixture/corpus.ts';
import { type HttpAddress, openHttpClient } from '../peers/http-client.ts';
import { now } from '../peers/now.ts';
import { PeerProcess } from '../peers/process.ts';
import { median, percentile } from '../statistics.ts';
import type { Figures } from './document.ts';
import type { Server, Side } from './sides.ts';

export interface EndpointPlan {
  queries: number;
  /** Of each side, one after the other. */
  addRounds: number;
  addMs: number;
  opens: number;
}

/** Eight clients, four in each of two processes. */
const PROCESSES = 2;
const LANES = 4;
const FIRST_QUERIES = 5;

export async function measure(
  plain: Side,
  own: Side,
  plan: EndpointPlan,
  report: (text: string) => void,
): Promise<Figures> {
  report('cold open');
  const opened: Record<'plain' | 'own', number[]> = { plain: [], own: [] };
  for (let n = 0; n < plan.opens; n++) {
    opened.plain.push(await open(plain));
    opened.own.push(await open(own));
  }
  const [beside, server] = [await plain.start(), await own.start()];
  try {
    report('queries');
    const queries = await askInTurn(beside, server, plan.queries);
    report('eight clients that add');
    return {
      openMs: { plain: median(opened.plain), own: median(opened.own) },
      ...queries,
      addsPerSecond: await addInTurn(beside, server, plan),
    };
  } finally {
    await Promise.all([beside.stop(), server.stop()]);
  }
}

/** From a start on nothing to the first answer, without the process's own start. */
async function open(side: Side): Promise<number> {
  const server = await side.start();
  try {
    const client = await openHttpClient(server.address);
    const started = now();
    await client.query(vector(9_900_000));
    return now() - started;
  } finally {
    await server.stop();
  }
}

async function askInTurn(
  plain: Server,
  own: Server,
  queries: number,
): Promise<Pick<Figures, 'queryMs' | 'quickQueryMs' | 'probes'>> {
  const [beside, client] = [await openHttpClient(plain.address), await openHttpClient(own.address)];
  const kinds = [
    { name: 'plain', query: beside.query },
    { name: 'index_only', query: client.queryIndex ?? client.query },
    { name: 'index_and_wal', query: client.query },
  ] as const;
  const times = { plain: [] as number[], index_only: [] as number[], index_and_wal: [] as number[] };
  for (let n = -FIRST_QUERIES; n < queries; n++) {
    for (const { name, query } of kinds) {
      const started = now();
      await query(vector(9_000_000 + FIRST_QUERIES + n));
      if (n >= 0) times[name].push(now() - started);
    }
  }
  await own.probes();
  for (let n = 0; n < queries; n++) await client.query(vector(9_000_000 + n));
  const probes = (await own.probes()) / queries;
  const at = (fraction: number) => ({
    plain: percentile(times.plain, fraction),
    indexOnly: percentile(times.index_only, fraction),
    indexAndWal: percentile(times.index_and_wal, fraction),
  });
  return { queryMs: at(0.5), quickQueryMs: at(0.1), probes };
}

async function addInTurn(plain: Server, own: Server, { addRounds, addMs }: EndpointPlan) {
  const sides = {
    plain: { writers: await writersOf(plain.address), next: PROCESSES, rates: [] as number[] },
    own: { writers: await writersOf(own.address), next: PROCESSES, rates: [] as number[] },
  };
  try {
    for (let round = 0; round < addRounds; round++) {
      for (const side of Object.values(sides)) {
        const { rate, next } = await add(side.writers, side.next, addMs);
        side.rates.push(rate);
        side.next = next;
      }
    }
    return { plain: median(sides.plain.rates), own: median(sides.own.rates) };
  } finally {
    const processes = Object.values(sides).flatMap(({ writers }) => writers);
    await Promise.all(processes.map((process) => process.end()));
  }
}

async function writersOf(address: HttpAddress): Promise<PeerProcess[]> {
  const processes = Array.from({ length: PROCESSES }, () => new PeerProcess());
  for (const [nth, process] of processes.entries()) {
    await process.ask({ kind: 'client', peer: 'endpoint', address: { ...address, call: 'add' }, nth });
    // Opens connections and loads code.
    await process.ask({ kind: 'write', n: nth });
  }
  return processes;
}

/** Closed loops without pauses: each client adds ten records, waits for the acknowledgement, and goes on. */
async function add(writers: PeerProcess[], first: number, durationMs: number): Promise<{ rate: number; next: number }> {
  const acks: Array<{ n: number; at: number }> = [];
  for (const process of writers) process.onAck = (ack) => void acks.push(ack);
  const started = now();
  const load = { mode: 'open' as const, durationMs, pauseMs: 0, outstanding: LANES, step: PROCESSES };
  const answers = await Promise.all(
    writers.map((process, nth) => process.ask({ kind: 'load', load: { ...load, first: first + nth } })),
  );
  const reason = answers.find((answer) => answer.reason !== undefined)?.reason;
  if (reason !== undefined) throw new Error(`An add was not acknowledged: ${reason}`);
  const seconds = (Math.max(...acks.map(({ at }) => at)) - started) / 1_000;
  return { rate: acks.length / seconds, next: Math.max(...acks.map(({ n }) => n)) + PROCESSES * LANES };
}
