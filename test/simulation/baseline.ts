/** What every world starts from: collections at version 1, made by the product itself, once per process. */
import type { DeltaStatus } from '../../lambdas/protocol/ledger.ts';
import { decodePointer } from '../../lambdas/protocol/pointer.ts';
import type { Operation } from '../../lambdas/snapshot/delta.ts';
import { pointerKey } from '../../lambdas/snapshot/keys.ts';
import { loadManifest } from '../../lambdas/steps/read-pointer.ts';
import { createCollection, DIMENSION, memoryPorts, submit } from '../support/memory-ports.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { run } from '../support/run-machine.ts';
import { readRecords } from './oracle-commit.ts';
import type { SimulatedTable } from './table.ts';
import { CollectionTruth, type CommittedVersion } from './truth.ts';

export const COLLECTIONS = ['books', 'films'];
/** Enough for a few blocks of 4 KiB. */
const RECORDS = 14;
const DOCUMENT = 'lorem ipsum dolor sit amet '.repeat(30);

interface Baseline {
  objects: Map<string, Uint8Array>;
  statuses: Map<string, Map<string, DeltaStatus>>;
  truths: CollectionTruth[];
}

let baseline: Promise<Baseline> | undefined;

async function makeBaseline(): Promise<Baseline> {
  const ports = memoryPorts();
  const truths: CollectionTruth[] = [];
  for (const collection of COLLECTIONS) {
    await createCollection(ports, collection);
    const operations = Array.from({ length: RECORDS }, (_, n): Operation => {
      const embedding = new Array<number>(DIMENSION).fill(n);
      return { op: 'upsert', id: `base-${n}`, embedding, metadata: { by: 'base' }, document: `${n} ${DOCUMENT}` };
    });
    await submit(ports, 'base', operations, collection);
    await run(ports, { collection });
    const { body } = await ports.store.get(pointerKey(collection));
    const truth = new CollectionTruth(decodePointer('', collection, body));
    const loaded = await loadManifest(ports, truth.pointer.manifest);
    const parent = await loadManifest(ports, loaded.manifest.parent ?? loaded.ref);
    for (const { ref, manifest } of [parent, loaded]) {
      const records = manifest.version === 0 ? new Map() : await readRecords(ports.store, loaded);
      const version: CommittedVersion = { manifest, manifestKey: ref.key, execution: 'base', records };
      truth.versions.set(manifest.version, version);
    }
    for (const entry of loaded.manifest.ledger) truth.decided.set(entry.deltaId, entry);
    truths.push(truth);
  }
  return { objects: ports.store.snapshot(), statuses: ports.table.items().statuses, truths };
}

/** A store and a truth of its own for one world, with these collections. */
export async function startFrom(
  collections: readonly string[],
  now: () => number,
): Promise<{ store: MemoryStore; truths: CollectionTruth[]; fill: (table: SimulatedTable) => void }> {
  baseline ??= makeBaseline();
  const { objects, statuses, truths } = await baseline;
  const store = new MemoryStore({ now });
  for (const [key, body] of objects) {
    if (collections.some((collection) => key.includes(`/${collection}`))) await store.putIfAbsent(key, body);
  }
  const own = truths
    .filter((truth) => collections.includes(truth.collection))
    .map((known) => {
      const truth = new CollectionTruth(known.pointer);
      for (const [number, version] of known.versions) truth.versions.set(number, version);
      for (const [deltaId, entry] of known.decided) truth.decided.set(deltaId, entry);
      for (const [deltaId, status] of statuses.get(known.collection) ?? []) truth.statuses.set(deltaId, status);
      return truth;
    });
  const fill = (table: SimulatedTable) => {
    for (const truth of own) table.statuses.set(truth.collection, new Map(truth.statuses));
  };
  return { store, truths: own, fill };
}
