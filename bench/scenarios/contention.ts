/**
 * Several writers on one collection. A writer stands for one stream of the queue: it submits a batch of deltas, starts
 * one compaction for the batch, as the queue's batch does, waits for its end, and goes on after a pause. The same
 * batches in the same rhythm for both protocols: ours merges whatever waits in the inbox, the predecessor's invocation
 * the batch that it was given.
 */
import { cp, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineRecord, EngineSession, WorkingDirectory } from '../../lambdas/ports.ts';
import { withCheckout } from '../../lambdas/steps/checkout.ts';
import { findVersion, walkVersions } from '../../lambdas/steps/walk-versions.ts';
import { COLLECTION, type Fixture } from '../fixture/build.ts';
import { DIMENSION, SPACE } from '../fixture/corpus.ts';
import { seeded } from '../fixture/random.ts';
import type { Counts, Held } from '../network/meter.ts';
import { measureProcess, type ProcessUsage } from '../usage.ts';
import type { Baseline } from './baseline.ts';
import { type Delta, delta, upserts } from './deltas.ts';
import type { Ours } from './ours.ts';

export interface Contention {
  writers: number;
  /** Batches of each writer. */
  rounds: number;
  deltasPerBatch: number;
  upsertsPerDelta: number;
  /** Mean pause of a writer between the end of a compaction and its next batch, in milliseconds. */
  pauseMs: number;
  /**
   * What becomes of a batch that the predecessor skips because it could not have the lock. `done`: it is marked as done,
   * as the predecessor did. `redelivered`: the queue brings it again after a pause, until it is committed.
   */
  skipped: 'done' | 'redelivered';
}

export interface ContentionOutcome extends ProcessUsage {
  submitted: number;
  /** Deltas that are not whole in the last version, although they are done with. */
  lost: number;
  /** Deltas that the last version's ancestry applied more than once. */
  duplicated: number;
  counts: Counts;
  held: Held[];
}

export async function contendOurs(ours: Ours, fixture: Fixture, options: Contention): Promise<ContentionOutcome> {
  const batches = batchesOf(fixture, options);
  ours.meter.reset();
  const finish = measureProcess();
  await eachWriter(options, async (writer, round) => {
    await ours.submit(...batchOf(batches, writer, round));
    await ours.compact();
  });
  const usage = finish();
  const counts = { ...ours.meter.counts };
  const held = [...ours.meter.held];
  const applied: string[] = [];
  for await (const { manifest } of walkVersions(ours.plain, COLLECTION)) {
    applied.push(...manifest.ledger.flatMap((e) => (e.version === manifest.version ? e.deltaId : [])));
  }
  const deltas = [...batches.values()].flat();
  const loaded = await findVersion(ours.plain, COLLECTION);
  const lost = await withCheckout(ours.plain, loaded, (directory) => countLost(ours, directory, deltas));
  return { ...usage, submitted: deltas.length, lost, duplicated: countDuplicates(applied), counts, held };
}

export async function contendBaseline(
  baseline: Baseline,
  fixture: Fixture,
  options: Contention,
): Promise<ContentionOutcome> {
  const batches = batchesOf(fixture, options);
  baseline.meter.reset();
  const finish = measureProcess();
  await eachWriter(options, async (writer, round, pause) => {
    const batch = batchOf(batches, writer, round);
    await baseline.submit(...batch);
    for (;;) {
      const outcome = await baseline.compact(batch);
      if (outcome !== 'skipped' || options.skipped === 'done') return;
      await pause();
    }
  });
  const usage = finish();
  const counts = { ...baseline.meter.counts };
  const held = [...baseline.meter.held];
  const { history, prefix, files } = await baseline.pointer();
  const deltas = [...batches.values()].flat();
  const directory = await baseline.plain.directories.claim(`${COLLECTION}-check`);
  try {
    for (const { path } of files) {
      const target = join(directory.path, path);
      await mkdir(dirname(target), { recursive: true });
      await cp(join(baseline.storeFolder, prefix, path), target);
    }
    const lost = await countLost(baseline, directory, deltas);
    const duplicated = countDuplicates(history.flatMap((version) => version.deltas));
    return { ...usage, submitted: deltas.length, lost, duplicated, counts, held };
  } finally {
    await directory.release();
  }
}

type Batches = Map<string, Delta[]>;

function batchOf(batches: Batches, writer: number, round: number): Delta[] {
  return batches.get(`${writer}/${round}`) ?? [];
}

/** All made beforehand: making vectors is not what is measured. */
function batchesOf({ records }: Fixture, { writers, rounds, deltasPerBatch, upsertsPerDelta }: Contention): Batches {
  const batches: Batches = new Map();
  let next = records;
  for (let round = 0; round < rounds; round++) {
    for (let writer = 0; writer < writers; writer++) {
      const batch = Array.from({ length: deltasPerBatch }, (_, n) => {
        const from = next;
        next += upsertsPerDelta;
        return delta(`w${writer}-r${round}-d${n}`, upserts(from, upsertsPerDelta));
      });
      batches.set(`${writer}/${round}`, batch);
    }
  }
  return batches;
}

/** The writers begin spread over one pause; then each goes at its own pace, half to one and a half pauses in between. */
async function eachWriter(
  { writers, rounds, pauseMs }: Contention,
  work: (writer: number, round: number, pause: () => Promise<void>) => Promise<void>,
): Promise<void> {
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      const random = seeded(writer + 1);
      const pause = async () => {
        await sleep(pauseMs * (0.5 + random()));
      };
      await sleep((pauseMs * writer) / writers);
      for (let round = 0; round < rounds; round++) {
        if (round > 0) await pause();
        await work(writer, round, pause);
      }
    }),
  );
}

async function countLost(
  { plain }: Pick<Ours, 'plain'>,
  directory: WorkingDirectory,
  deltas: readonly Delta[],
): Promise<number> {
  const session: EngineSession = await plain.engine.open(directory);
  try {
    await session.useCollection(COLLECTION, { space: SPACE, dimension: DIMENSION });
    const ids = deltas.flatMap(({ operations }) => operations.map(({ id }) => id));
    const found = new Map((await session.get(ids)).map((record): [string, EngineRecord] => [record.id, record]));
    const isThere = ({ operations }: Delta) =>
      operations.every((operation) => operation.op === 'upsert' && found.get(operation.id)?.document === operation.document);
    return deltas.filter((one) => !isThere(one)).length;
  } finally {
    await session.close();
  }
}

export function countDuplicates(deltaIds: readonly string[]): number {
  return deltaIds.length - new Set(deltaIds).size;
}
