/** A cold hydrate of a version that many commits made, beside one of the same content that one commit wrote whole. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { createCollection } from '../../lambdas/upkeep/create-collection.ts';
import { hydrate } from '../../lambdas/versions/hydrate.ts';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import { COLLECTION } from '../fixture/build.ts';
import { DIMENSION, SPACE } from '../fixture/corpus.ts';
import { publishDirectory } from '../fixture/publish.ts';
import { Meter } from '../network/meter.ts';
import { MeteredStore } from '../network/metered-store.ts';
import { type NetworkModel, PRESETS } from '../network/model.ts';
import { Network } from '../network/network.ts';
import { openPorts, type PlainPorts } from '../ports.ts';
import { NO_CACHE } from '../scenarios/ours.ts';
import { median } from '../statistics.ts';
import type { Hydrates } from './document.ts';
import { layoutOf } from './history.ts';

export interface CompareOptions {
  /** Removed at the end. */
  folder: string;
  table: DynamoDBClientConfig;
  model: NetworkModel;
  repetitions: number;
  report: (text: string) => void;
}

/** The two in turn, so that what the machine does besides meets both; one of each before, unmeasured. */
export async function compareHydrates(fragmented: PlainPorts, options: CompareOptions): Promise<Hydrates> {
  const { folder, table, model, repetitions, report } = options;
  await rm(folder, { recursive: true, force: true });
  const fresh = openPorts(join(folder, 'fresh'), table);
  try {
    report('writing the same content whole');
    await writeWhole(fragmented, fresh);
    const target = join(folder, 'reader');
    const sides = { fragmented: [] as Measured[], fresh: [] as Measured[] };
    for (const ports of [fragmented, fresh]) await hydrateCold(ports, target, PRESETS.local);
    for (let n = 1; n <= repetitions; n++) {
      report(`cold hydrates, ${n} of ${repetitions}`);
      sides.fragmented.push(await hydrateCold(fragmented, target, model));
      sides.fresh.push(await hydrateCold(fresh, target, model));
    }
    return {
      repetitions,
      fragmented: await summary(fragmented, sides.fragmented),
      fresh: await summary(fresh, sides.fresh),
    };
  } finally {
    fresh.close();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Measured {
  wallMs: number;
  storeBytesDown: number;
  storeRequests: number;
}

async function writeWhole(from: PlainPorts, to: PlainPorts): Promise<void> {
  const loaded = await findVersion(from, COLLECTION);
  await createCollection(to, { collection: COLLECTION, dimension: DIMENSION, space: SPACE, creator: 'bench' });
  const directory = await to.directories.claim(COLLECTION);
  try {
    await hydrate({ ...from, cache: NO_CACHE }, directory, loaded);
    await publishDirectory(to, COLLECTION, directory, loaded.manifest.records);
  } finally {
    await directory.release();
  }
}

/** As a reader does that has nothing and no EFS: pointer, manifest, every frame, every file verified. */
async function hydrateCold(ports: PlainPorts, root: string, model: NetworkModel): Promise<Measured> {
  await rm(root, { recursive: true, force: true });
  const meter = new Meter();
  const store = new MeteredStore(ports.store, new Network(model), meter);
  const directory = await new FileWorkingDirectories({ root }).claim(COLLECTION);
  try {
    globalThis.gc?.();
    const started = performance.now();
    const loaded = await findVersion({ store, cache: NO_CACHE }, COLLECTION);
    const { codec, telemetry } = ports;
    const { from } = await hydrate({ store, cache: NO_CACHE, codec, telemetry }, directory, loaded);
    const wallMs = performance.now() - started;
    if (from !== 'cold') throw new Error(`A hydrate into an empty directory was ${from}.`);
    return { wallMs, storeBytesDown: meter.counts.storeBytesDown, storeRequests: meter.counts.storeGets };
  } finally {
    await directory.release();
  }
}

async function summary(ports: PlainPorts, measured: readonly Measured[]): Promise<Hydrates['fresh']> {
  const { manifest } = await findVersion(ports, COLLECTION);
  const of = (name: keyof Measured) => median(measured.map((one) => one[name]));
  return {
    wallMs: Number(of('wallMs').toFixed(1)),
    wallMsAll: measured.map(({ wallMs }) => Number(wallMs.toFixed(1))),
    storeBytesDown: of('storeBytesDown'),
    storeRequests: of('storeRequests'),
    storedBytes: layoutOf(manifest).storedBytes,
  };
}
