/** Ten producers at once, each awaiting its own deltas, and what must come of it. */
import type { EngineRecord, Ports } from '../../../lambdas/ports.ts';
import { findStatus, putDelta } from '../../../lambdas/producer/put-delta.ts';
import { encodeDelta } from '../../../lambdas/snapshot/delta.ts';
import type { Operation } from '../../../lambdas/snapshot/operation.ts';
import type { LoadedManifest } from '../../../lambdas/versions/load-manifest.ts';
import { walkVersions } from '../../../lambdas/versions/walk-versions.ts';
import { Model, type Sent } from '../../chaos/model.ts';

export const PRODUCERS = 10;
export const DELTAS_EACH = 4;
/** Three records of each producer, and one that all of them write. */
export const RECORDS = PRODUCERS * 3 + 1;

const POLL_MS = 20;

/** The producer of a delta: what stands before the dash. */
export function producerOf(deltaId: string): string {
  return deltaId.split('-')[0] ?? '';
}

/** Send all deltas; `sent` is filled as the inbox takes them. Every other producer waits until each of its is settled. */
export async function produce(ports: Ports, collection: string, sent: Map<string, Sent>): Promise<void> {
  const producers = Array.from({ length: PRODUCERS }, (_, n) => `p${n}`);
  await Promise.all(
    producers.map(async (producer, n) => {
      for (const [index, operations] of deltasOf(producer, n).entries()) {
        const deltaId = `${producer}-${index + 1}`;
        await send(ports, collection, deltaId, operations, sent);
        while (n % 2 === 1 && (await findStatus(ports, collection, deltaId)) === undefined)
          await ports.clock.sleep(POLL_MS);
      }
    }),
  );
}

export async function send(
  ports: Ports,
  collection: string,
  deltaId: string,
  operations: readonly Operation[],
  sent: Map<string, Sent>,
): Promise<void> {
  const { sha256 } = await putDelta(ports, { collection, deltaId, body: encodeDelta(operations) });
  sent.set(deltaId, { deltaId, sha256, operations, invalidLines: 0 });
}

/** Records of the collection after the deltas that `counts` lets count, in the order of the ledger. */
export async function expectedRecords(
  ports: Ports,
  collection: string,
  sent: ReadonlyMap<string, Sent>,
  counts: (version: number) => boolean,
): Promise<ReadonlyMap<string, EngineRecord>> {
  const newestFirst: LoadedManifest[] = [];
  for await (const loaded of walkVersions(ports, collection)) newestFirst.push(loaded);
  const model = new Model();
  for (const { manifest } of newestFirst.toReversed()) {
    if (!counts(manifest.version)) continue;
    for (const { deltaId, version } of manifest.ledger) {
      const delta = sent.get(deltaId);
      if (version === manifest.version && delta !== undefined) model.apply(delta, version);
    }
  }
  return model.records;
}

/** Each later delta builds on an earlier one of its producer; all of them write one record, where the last one wins. */
function deltasOf(producer: string, n: number): Operation[][] {
  const record = (name: string) => `${producer}-${name}`;
  const upsert = (name: string, place: number): Operation => ({
    op: 'upsert',
    id: record(name),
    embedding: [n, place, 0.5, -1],
    metadata: { producer, place },
    document: `${name} of ${producer}, ünï`,
  });
  const shared = (place: number): Operation => ({
    op: 'upsert',
    id: 'shared',
    embedding: [1, 1, 1, 1],
    metadata: { by: `${producer}-${place}` },
  });
  return [
    [upsert('kept', 1), upsert('deleted', 1), shared(1)],
    [{ op: 'update', id: record('kept'), metadata: { place: null, seen: true } }, upsert('changed', 2), shared(2)],
    [{ op: 'delete', id: record('deleted') }, shared(3)],
    [upsert('last', 4), { op: 'update', id: record('changed'), document: `changed by ${producer}` }, shared(4)],
  ];
}
