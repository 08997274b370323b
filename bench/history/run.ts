/** A collection with a long history, and what walks along it: requests, and time behind the network model. */
import { mapLimit } from '../../lambdas/concurrency/map-limit.ts';
import { encodePointer } from '../../lambdas/protocol/pointer.ts';
import { manifestKey, pointerKey } from '../../lambdas/snapshot/keys.ts';
import { childAncestry, encodeManifest, type ManifestRef } from '../../lambdas/snapshot/manifest.ts';
import { collectGarbage } from '../../lambdas/upkeep/collect-garbage.ts';
import { createCollection } from '../../lambdas/upkeep/create-collection.ts';
import { rollback } from '../../lambdas/upkeep/rollback.ts';
import { loadManifest } from '../../lambdas/versions/load-manifest.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { walkAncestry } from '../../lambdas/versions/walk-ancestry.ts';
import { findVersion, walkVersions } from '../../lambdas/versions/walk-versions.ts';
import { Meter } from '../network/meter.ts';
import { MeteredStore } from '../network/metered-store.ts';
import type { NetworkModel } from '../network/model.ts';
import { Network } from '../network/network.ts';
import type { PlainPorts } from '../ports.ts';
import { measureProcess } from '../usage.ts';
import type { HistoryRow } from './document.ts';

const COLLECTION = 'history';
const PARALLEL_PUTS = 16;
/** Longer than any run: nothing of the history is garbage. */
const RETAIN_DAYS = 3_650;

type Ports = PlainPorts;

/** An empty collection with so many versions, each of which has decided one delta. Only manifests: a walk reads no pack. */
export async function placeHistory(ports: PlainPorts, versions: number): Promise<void> {
  await createCollection(ports, { collection: COLLECTION, dimension: 384, space: 'cosine', creator: 'bench' });
  const { pointer, etag } = await readPointer(ports, COLLECTION);
  let { ref, manifest } = await loadManifest({ store: ports.store }, pointer.manifest);
  const made: Array<{ key: string; bytes: Uint8Array }> = [];
  for (let version = 1; version <= versions; version++) {
    const commitId = ports.ids.ulid();
    manifest = {
      ...manifest,
      ...{ version, commitId, parent: ref, ancestry: childAncestry(manifest) },
      ledger: [{ deltaId: `d${version}`, outcome: 'applied', version, sha256: ref.sha256, rejectedOperations: 0 }],
    };
    const { bytes, sha256 } = encodeManifest(manifest);
    ref = { key: manifestKey(COLLECTION, version, commitId), sha256 };
    made.push({ key: ref.key, bytes });
  }
  await mapLimit(made, PARALLEL_PUTS, ({ key, bytes }) => ports.store.putIfAbsent(key, bytes));
  const newest = { ...pointer, version: versions, commitId: manifest.commitId, manifest: ref, token: 1 };
  await ports.store.putIfMatch(pointerKey(COLLECTION), encodePointer(newest), etag);
}

interface Walk {
  name: string;
  /** Answers how many versions it passed. */
  run: (ports: Ports, versions: number) => Promise<number>;
}

/** The last one makes a version. */
const WALKS: Walk[] = [
  { name: 'one by one, as a comparison', run: oneByOne },
  { name: 'every version (`versions`, `verify`)', run: walkAll },
  { name: 'the first of them (`checkout --version 1`)', run: findFirst },
  { name: 'collection of garbage, which finds none', run: collectNothing },
  { name: '`rollback` to the first', run: rollBackToFirst },
];

/** Each walk once, over a link of its own and with no cache. @throws Error (it did not come to the end) */
export async function measureHistory(
  ports: PlainPorts,
  model: NetworkModel,
  versions: number,
  report: (text: string) => void,
): Promise<HistoryRow[]> {
  const rows: HistoryRow[] = [];
  for (const { name, run } of WALKS) {
    report(name);
    const meter = new Meter();
    const store = new MeteredStore(ports.store, new Network(model), meter);
    const settings = { ...ports.settings, retainVersions: versions + 1, retainDays: RETAIN_DAYS };
    const end = measureProcess();
    const passed = await run({ ...ports, store, settings }, versions);
    const { wallMs, cpuMs } = end();
    if (passed !== versions) throw new Error(`${name}: ${passed} versions were passed, not ${versions}.`);
    const { storeGets: gets, storeLists: lists, storePuts: puts } = meter.counts;
    rows.push({ name, wallMs, cpuMs, gets, lists, puts });
  }
  return rows;
}

async function oneByOne({ store }: Ports): Promise<number> {
  const { pointer } = await readPointer({ store }, COLLECTION);
  const load = (ref: ManifestRef) => loadManifest({ store }, ref);
  let passed = 0;
  for await (const _version of walkAncestry(COLLECTION, await load(pointer.manifest), 1, load)) passed++;
  return passed;
}

async function walkAll({ store }: Ports): Promise<number> {
  let passed = -1;
  for await (const _version of walkVersions({ store }, COLLECTION)) passed++;
  return passed;
}

async function findFirst({ store }: Ports, versions: number): Promise<number> {
  return versions + 1 - (await findVersion({ store }, COLLECTION, 1)).manifest.version;
}

async function collectNothing(ports: Ports): Promise<number> {
  const { kept } = await collectGarbage(ports, { collection: COLLECTION, runId: ports.ids.ulid() });
  return kept - 1;
}

async function rollBackToFirst(ports: Ports): Promise<number> {
  const { undoneDeltas } = await rollback(ports, { collection: COLLECTION, version: 1, actor: 'bench' });
  return undoneDeltas + 1;
}
