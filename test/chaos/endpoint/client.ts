/** A client that sends one write after another, each until it is acknowledged, and reads each back at once. */
import { setTimeout as wait } from 'node:timers/promises';
import { canonical } from '../../endpoint/support.ts';
import type { Write } from './plan.ts';
import type { Answer, Slot } from './slot.ts';

/** Far more than a new endpoint takes to start. */
const PATIENCE_MS = 300_000;
const PAUSE_MS = 20;
const UNAVAILABLE = 503;

export interface Counts {
  acknowledged: number;
  /** Attempts whose answer was lost, or that the store or the engine failed. */
  retried: number;
  reads: number;
}

/** Who is asked, in which order: the first of them first. */
export type Ask = (method: string, path: string, body?: string) => Promise<Answer>;

/** Ask one endpoint after another until one answers. @throws Error (none did) */
export function askInTurn(slots: readonly Slot[], first: number, counts: Counts): Ask {
  return async (method, path, body) => {
    const deadline = performance.now() + PATIENCE_MS;
    for (let turn = first; performance.now() < deadline; turn++) {
      const answer = await slots[turn % slots.length]?.send(method, path, body).catch(() => undefined);
      if (answer !== undefined && answer.status !== UNAVAILABLE) return answer;
      counts.retried++;
      await wait(PAUSE_MS);
    }
    throw new Error(`Nobody answered ${method} ${path} in ${PATIENCE_MS} ms.`);
  };
}

export interface Sides {
  slots: readonly Slot[];
  /** Path of the collection's records, there and at plain Chroma. */
  path: string;
  plainPath: string;
  plain: Ask;
  counts: Counts;
  /** Before a write is sent, and when it was acknowledged. */
  onSend(): void;
  onAcknowledged(write: Write): void;
  differ(text: string): void;
}

export async function runClient(sides: Sides, writes: readonly Write[]): Promise<void> {
  const { slots, path, plainPath, plain, counts } = sides;
  for (const [n, write] of writes.entries()) {
    sides.onSend();
    const answer = await askInTurn(slots, write.writer, counts)('POST', `${path}/${write.op}`, write.body);
    const expected = await plain('POST', `${plainPath}/${write.op}`, write.body);
    const what = `write ${n} (${write.op} ${write.ids.join(' ')})`;
    if (answer.status !== expected.status) {
      sides.differ(
        `${what} was answered with ${answer.status}: ${answer.text}, by plain Chroma with ${expected.status}`,
      );
      return;
    }
    counts.acknowledged++;
    sides.onAcknowledged(write);
    const wanted = JSON.stringify({ ids: write.ids, include: ['embeddings', 'documents', 'metadatas'] });
    const read = await askInTurn(slots, write.reader, counts)('POST', `${path}/get`, wanted);
    counts.reads++;
    const known = await plain('POST', `${plainPath}/get`, wanted);
    if (read.status !== known.status || canonical(read.text) !== canonical(known.text))
      sides.differ(`${what} is read back as ${read.status} ${read.text}, not ${known.status} ${known.text}`);
  }
}
