/** What every world starts from: collections made by the product itself, once per process. */

import { encodePointer, type Pointer } from '../../lambdas/protocol/pointer.ts';
import { inboxPrefix, parsePointerKey, pointerKey } from '../../lambdas/snapshot/keys.ts';
import type { DeltaStatus } from '../../lambdas/snapshot/ledger.ts';
import { ANCESTRY_LENGTH } from '../../lambdas/snapshot/manifest.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import { collectGarbage } from '../../lambdas/upkeep/collect-garbage.ts';
import { rollback } from '../../lambdas/upkeep/rollback.ts';
import { walkVersions } from '../../lambdas/versions/walk-versions.ts';
import { createCollection, DIMENSION, type MemoryPorts, memoryPorts, submit } from '../support/memory-ports.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { run } from '../support/run-machine.ts';
import { readStoredManifest, readStoredPointer } from './independent/formats.ts';
import { readRecords } from './oracle-commit.ts';
import type { Profile } from './profile.ts';
import type { SimulatedTable } from './table.ts';
import { CollectionTruth, type CommittedVersion } from './truth.ts';

/** Enough for a few blocks of 4 KiB. */
const RECORDS = 14;
const DOCUMENT = 'lorem ipsum dolor sit amet '.repeat(30);
/** Deltas that an old collection has decided and not settled: more than any cap that somebody might think of. */
const UNSETTLED = 70;
/** Of the one table that all collections of a world have. */
const IDENTITY = 'base';

interface Baseline {
  objects: Map<string, Uint8Array>;
  statuses: ReadonlyMap<string, DeltaStatus>;
  truth: CollectionTruth;
}

const baselines = new Map<string, Promise<Baseline>>();

function baselineOf(collection: string, isOld: boolean): Promise<Baseline> {
  const id = `${collection} ${isOld}`;
  const known = baselines.get(id) ?? makeBaseline(collection, isOld);
  baselines.set(id, known);
  return known;
}

async function makeBaseline(collection: string, isOld: boolean): Promise<Baseline> {
  const ports = memoryPorts({ settings: { retainVersions: 3, retainDays: 0 } });
  await ports.table.ensureIdentity(IDENTITY);
  await createCollection(ports, collection);
  const operations = Array.from({ length: RECORDS }, (_, n): Operation => {
    const embedding = new Array<number>(DIMENSION).fill(n);
    return { op: 'upsert', id: `base-${n}`, embedding, metadata: { by: 'base' }, document: `${n} ${DOCUMENT}` };
  });
  await submit(ports, 'base', operations, collection);
  await run(ports, { collection });
  if (isOld) await age(ports, collection);
  const { truth, statuses } = await truthOf(ports, collection);
  return { objects: ports.store.snapshot(), statuses, truth };
}

/** Years in short: more versions than an ancestry names, of which a few are kept, and a commit that nobody has settled. */
async function age(ports: MemoryPorts, collection: string): Promise<void> {
  for (let version = 1; version <= ANCESTRY_LENGTH + 2; version++) {
    await rollback(ports, { collection, version: version - 1, actor: 'base' });
  }
  // What is sealed in one moment has no age, and would be kept.
  await ports.clock.sleep(60_000);
  await collectGarbage(ports, { collection, runId: ports.ids.ulid() });
  for (let n = 0; n < UNSETTLED; n++) {
    const operation: Operation = { op: 'upsert', id: `old-${n % 7}`, embedding: [n, n, n, n], metadata: { by: n } };
    await submit(ports, `old-${n}`, [operation], collection);
  }
  const killed = async () => {
    throw Object.assign(new Error('killed'), { name: 'Killed' });
  };
  await run(ports, { collection }, { wrap: { FinishCompaction: () => killed } });
}

async function truthOf(ports: MemoryPorts, collection: string): Promise<Pick<Baseline, 'truth' | 'statuses'>> {
  const { body } = await ports.store.get(pointerKey(collection));
  const truth = new CollectionTruth(readStoredPointer(collection, body));
  for await (const loaded of walkVersions(ports, collection)) {
    const manifest = readStoredManifest(loaded.bytes, loaded.ref.sha256);
    const records = await readRecords(ports.store, manifest);
    const version: CommittedVersion = { manifest, manifestKey: loaded.ref.key, execution: 'base', records };
    truth.versions.set(manifest.version, version);
  }
  const statuses = ports.table.items().statuses.get(collection) ?? new Map<string, DeltaStatus>();
  for (const entry of truth.current().manifest.ledger) truth.decided.set(entry.deltaId, entry);
  for await (const page of ports.store.list(inboxPrefix(collection))) {
    for (const { key } of page) {
      const deltaId = key.slice(inboxPrefix(collection).length);
      const { sha256 = '' } = truth.decided.get(deltaId) ?? {};
      truth.inbox.set(deltaId, sha256);
      truth.arrived.set(deltaId, new Set([sha256]));
    }
  }
  for (const [deltaId, status] of statuses) truth.statuses.set(deltaId, status);
  return { truth, statuses };
}

/**
 * A store and a truth of its own for one world, with these collections.
 * With `isLegacy` as if made before tables had an identity: neither the table nor any pointer has one.
 */
export async function startFrom(
  { collections, isOld, isLegacy }: Pick<Profile, 'collections' | 'isOld' | 'isLegacy'>,
  now: () => number,
): Promise<{ store: MemoryStore; truths: CollectionTruth[]; fill: (table: SimulatedTable) => void }> {
  const store = new MemoryStore({ now });
  const truths: CollectionTruth[] = [];
  for (const collection of collections) {
    const { objects, truth } = await baselineOf(collection, isOld);
    const pointer = isLegacy ? forgetful(truth.pointer) : truth.pointer;
    for (const [key, body] of objects) {
      await store.putIfAbsent(key, parsePointerKey(key) === undefined ? body : encodePointer(pointer));
    }
    truths.push(truth.copy(pointer));
  }
  const fill = (table: SimulatedTable) => {
    table.identity = isLegacy ? undefined : IDENTITY;
    for (const truth of truths) table.statuses.set(truth.collection, new Map(truth.statuses));
  };
  return { store, truths, fill };
}

function forgetful(pointer: Pointer): Pointer {
  return { ...pointer, statusTable: pointer.statusTable.slice(0, pointer.statusTable.lastIndexOf('#')) };
}
