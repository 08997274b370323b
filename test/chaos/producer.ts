/** A producer with every habit that the inbox must bear: duplicates, ids used again, lines that are no operation. */

import { KeyCollisionError } from '../../lambdas/errors/errors.ts';
import type { Ports } from '../../lambdas/ports.ts';
import { putDelta } from '../../lambdas/producer/put-delta.ts';
import { compressDelta } from '../../lambdas/snapshot/compressed-delta.ts';
import { encodeLines } from '../../lambdas/snapshot/delta.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import type { Random } from '../simulation/random.ts';
import type { Sent } from './model.ts';

export const DIMENSION = 4;
const RECORDS = 40;
const NO_OPERATION = Buffer.from('{"op":"replace","id":"x"}\n');

export interface ProducerCounts {
  deltas: number;
  operations: number;
  /** Sent again, with the same content, and taken by the inbox: the first one may have been settled by then. */
  duplicates: number;
  /** Other content under an id in use, which the inbox took because the first one was gone, ... */
  reusesTaken: number;
  /** ... or refused because it was still there. */
  reusesRefused: number;
}

export class Producer {
  /** By id, in the order in which the inbox took them. */
  readonly first = new Map<string, Sent>();
  /** Other content that the inbox took under an id of `first`. */
  readonly reused: Sent[] = [];
  readonly counts: ProducerCounts = { deltas: 0, operations: 0, duplicates: 0, reusesTaken: 0, reusesRefused: 0 };
  readonly #ports: Ports;
  readonly #collection: string;
  readonly #random: Random;
  readonly #bodies = new Map<string, Uint8Array>();

  constructor(ports: Ports, collection: string, random: Random) {
    this.#ports = ports;
    this.#collection = collection;
    this.#random = random;
  }

  /** Send something: mostly a new delta. */
  async send(): Promise<void> {
    const random = this.#random;
    // The older half: most of them are settled, which is when the inbox takes the id again.
    const ids = [...this.first.keys()];
    const known = ids.slice(0, Math.ceil(ids.length / 2));
    if (known.length > 0 && random.chance(0.15)) return this.#sendAgain(random.pick(known));
    if (known.length > 0 && random.chance(0.15)) return this.#reuse(random.pick(known));
    // Ids rise, so that their order is the order of arrival even within one millisecond.
    const sent = await this.#submit(`delta-${String(this.first.size).padStart(5, '0')}`);
    this.first.set(sent.deltaId, sent);
    this.counts.deltas++;
    this.counts.operations += sent.operations.length;
  }

  async #sendAgain(deltaId: string): Promise<void> {
    const body = this.#bodies.get(deltaId) as Uint8Array;
    try {
      await putDelta(this.#ports, { collection: this.#collection, deltaId, body });
      this.counts.duplicates++;
    } catch (error) {
      // Content that reuses the id waits there now.
      if (!(error instanceof KeyCollisionError)) throw error;
    }
  }

  async #reuse(deltaId: string): Promise<void> {
    try {
      this.reused.push(await this.#submit(deltaId));
      this.counts.reusesTaken++;
    } catch (error) {
      if (!(error instanceof KeyCollisionError)) throw error;
      this.counts.reusesRefused++;
    }
  }

  async #submit(deltaId: string): Promise<Sent> {
    const random = this.#random;
    const operations = Array.from({ length: random.int(1, 12) }, () => operation(random));
    const invalidLines = random.chance(0.15) ? 1 : 0;
    const body = compressDelta(Buffer.concat([encodeLines(operations), ...(invalidLines > 0 ? [NO_OPERATION] : [])]));
    const { sha256 } = await putDelta(this.#ports, { collection: this.#collection, deltaId, body });
    if (!this.#bodies.has(deltaId)) this.#bodies.set(deltaId, body);
    return { deltaId, sha256, operations, invalidLines };
  }
}

/** Numbers that a float32 holds exactly: what is read back must be what was sent. */
function operation(random: Random): Operation {
  const id = `record-${random.int(1, RECORDS)}`;
  const kind = random.next();
  if (kind < 0.2) return { op: 'delete', id };
  const embedding = Array.from({ length: DIMENSION }, () => random.int(-512, 512) / 4);
  const metadata = random.chance(0.7)
    ? { [random.pick(['a', 'b', 'c'])]: random.chance(0.2) ? null : random.int(0, 9) }
    : undefined;
  const document = random.chance(0.5) ? `text ${random.int(0, 999)}` : undefined;
  const fields = { ...(metadata && { metadata }), ...(document && { document }) };
  if (kind < 0.75) return { op: 'upsert', id, embedding, ...fields };
  return {
    op: 'update',
    id,
    ...(random.chance(0.5) || Object.keys(fields).length === 0 ? { embedding } : {}),
    ...fields,
  };
}
