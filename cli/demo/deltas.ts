/** What the producers of the demonstration send, in two rounds. */
import { compressDelta } from '../../lambdas/snapshot/compressed-delta.ts';
import { encodeDelta, encodeLines } from '../../lambdas/snapshot/delta.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import type { CollectionName, Entry } from './corpus.ts';

export interface DemoDelta {
  collection: CollectionName;
  deltaId: string;
  body: Uint8Array;
  /** The valid operations in the delta. */
  operations: Operation[];
  /** Lines that must be rejected. */
  badLines: number;
}

export interface EmbeddedEntry extends Entry {
  embedding: number[];
}

const RECORDS_PER_DELTA = 40;

/** Round one: everything, in deltas of 40 records. */
export function firstRound(corpus: ReadonlyMap<CollectionName, EmbeddedEntry[]>): DemoDelta[] {
  return [...corpus].flatMap(([collection, entries]) =>
    chunks(entries, RECORDS_PER_DELTA).map((chunk, i) => delta(collection, `load-${i}`, chunk.map(upsert))),
  );
}

/** Round two, over all three collections: 100 updates, 50 new records, 20 deletes, and three bad lines in one delta. */
export function secondRound(
  present: ReadonlyMap<CollectionName, EmbeddedEntry[]>,
  fresh: ReadonlyMap<CollectionName, EmbeddedEntry[]>,
): DemoDelta[] {
  const shares = { animals: [34, 17, 7], food: [33, 17, 7], artifacts: [33, 16, 6] } as const;
  const deltas = [...present].flatMap(([collection, entries]) => {
    const [updates, additions, deletes] = shares[collection];
    const updated = entries.slice(0, updates).map(reviewed);
    const added = (fresh.get(collection) ?? []).slice(0, additions).map(upsert);
    const removed = entries.slice(-deletes).map(({ id }): Operation => ({ op: 'delete', id }));
    return [
      delta(collection, 'updates', updated),
      delta(collection, 'news', added),
      delta(collection, 'removals', removed),
    ];
  });
  return [...deltas, withBadLines(deltas)];
}

/** A valid update beside an unknown operation, an embedding of the wrong dimension, and a line that is not JSON. */
function withBadLines(deltas: readonly DemoDelta[]): DemoDelta {
  const id = deltas[0]?.operations[0]?.id ?? '';
  const good = delta('animals', 'three-bad-lines', [{ op: 'update', id, metadata: { checked: true } }]);
  const bad = '{"op":"replace","id":"x"}\n{"op":"upsert","id":"y","embedding":[1,2,3]}\n{"op":"upsert", oops\n';
  const text = Buffer.concat([encodeLines(good.operations), Buffer.from(bad)]);
  return { ...good, body: compressDelta(text), badLines: 3 };
}

function delta(collection: CollectionName, deltaId: string, operations: Operation[]): DemoDelta {
  return { collection, deltaId, operations, body: encodeDelta(operations), badLines: 0 };
}

function upsert({ id, word, gloss, embedding }: EmbeddedEntry): Operation {
  return { op: 'upsert', id, embedding, document: `${word}: ${gloss}`, metadata: { word, letters: word.length } };
}

function reviewed({ id }: EmbeddedEntry): Operation {
  return { op: 'update', id, metadata: { reviewed: true, rating: 4.5 } };
}

function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
