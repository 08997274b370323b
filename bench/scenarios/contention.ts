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
import { withCheckout } from '../../lambdas/versions/checkout.ts';
import { findVersion, walkVersions } from '../../lambdas/versions/walk-versions.ts';
import { COLLECTION, type Fixture } from '../fixture/build.ts';
import { DIMENSION, SPACE } from '../fixture/corpus.ts';
import { seeded } from '../fixture/random.ts';
import type { Counts, Held } from '../network/meter.ts';
import type { Baseline } from './baseline.ts';
import { type Delta, delta, upserts } from './deltas.ts';
import { Ours } from './ours.ts';

export interface Contention {
  writers: number;
  /** How long the writers go on submitting; what they have begun by then is brought to its end. */
  durationMs: number;
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

/** What one writer, a process of its own, saw. */
export interface WriterOutcome {
  /** Batches that it submitted. */
  rounds: number;
  counts: Counts;
  held: Held[];
}

export interface ContentionOutcome extends Omit<WriterOutcome, 'rounds'> {
  /** From the start of all writers to the end of the last one. */
  wallMs: number;
  submitted: number;
  /** Deltas that are not whole in the last version, although they are done with. */
  lost: number;
  /** Deltas that the last version's ancestry applied more than once. */
  duplicated: number;
}

/** All rounds of one writer. `go` resolves when all writers are ready. */
export async function write(
  side: Ours | Baseline,
  fixture: Fixture,
  options: Contention,
  writer: number,
  go: Promise<void>,
): Promise<WriterOutcome> {
  const { writers, durationMs, pauseMs, skipped } = options;
  const random = seeded(writer + 1);
  // Half to one and a half pauses, so that the writers keep no step.
  const pause = async () => {
    await sleep(pauseMs * (0.5 + random()));
  };
  await go;
  side.meter.reset();
  const end = performance.now() + durationMs;
  await sleep((pauseMs * writer) / writers);
  let rounds = 0;
  for (;;) {
    if (rounds > 0) await pause();
    if (performance.now() >= end) break;
    const batch = batchOf(fixture, options, writer, rounds);
    await side.submit(...batch);
    if (side instanceof Ours) await side.compact();
    else while ((await side.compact(batch)) === 'skipped' && skipped === 'redelivered') await pause();
    rounds++;
  }
  return { rounds, counts: side.meter.counts, held: side.meter.held };
}

/** Compare the last version with what was submitted. */
export async function judge(
  side: Ours | Baseline,
  fixture: Fixture,
  options: Contention,
  rounds: readonly number[],
): Promise<Pick<ContentionOutcome, 'submitted' | 'lost' | 'duplicated'>> {
  const deltas = rounds.flatMap((count, writer) =>
    Array.from({ length: count }, (_, round) => batchOf(fixture, options, writer, round)).flat(),
  );
  const submitted = deltas.length;
  if (side instanceof Ours) {
    const applied: string[] = [];
    for await (const { manifest } of walkVersions(side.plain, COLLECTION)) {
      applied.push(...manifest.ledger.flatMap((e) => (e.version === manifest.version ? e.deltaId : [])));
    }
    const loaded = await findVersion(side.plain, COLLECTION);
    const lost = await withCheckout(side.plain, loaded, (directory) => countLost(side, directory, deltas));
    return { submitted, lost, duplicated: countDuplicates(applied) };
  }
  const { history, prefix, files } = await side.pointer();
  const directory = await side.plain.directories.claim(`${COLLECTION}-check`);
  try {
    for (const { path } of files) {
      const target = join(directory.path, path);
      await mkdir(dirname(target), { recursive: true });
      await cp(join(side.storeFolder, prefix, path), target);
    }
    const lost = await countLost(side, directory, deltas);
    return { submitted, lost, duplicated: countDuplicates(history.flatMap((version) => version.deltas)) };
  } finally {
    await directory.release();
  }
}

/** The same in every process, and no record twice. */
function batchOf({ records }: Fixture, options: Contention, writer: number, round: number): Delta[] {
  const { writers, deltasPerBatch, upsertsPerDelta } = options;
  return Array.from({ length: deltasPerBatch }, (_, n) => {
    const number = (round * writers + writer) * deltasPerBatch + n;
    return delta(`w${writer}-r${round}-d${n}`, upserts(records + number * upsertsPerDelta, upsertsPerDelta));
  });
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
      operations.every(
        (operation) => operation.op === 'upsert' && found.get(operation.id)?.document === operation.document,
      );
    return deltas.filter((one) => !isThere(one)).length;
  } finally {
    await session.close();
  }
}

export function countDuplicates(deltaIds: readonly string[]): number {
  return deltaIds.length - new Set(deltaIds).size;
}
