/**
 * What deleted and replaced records leave in the files of a collection, and what a vacuum takes away and costs:
 * `npm run bench:vacuum`. Real Chroma, one directory per case; copies are counted as bytes in the files.
 */
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChromaEngine } from '../lambdas/adapters/chroma/engine.ts';
import { digestRecords } from '../lambdas/merge/digest-records.ts';
import type { WorkingDirectory } from '../lambdas/ports.ts';

const COLLECTION = 'vacuum';
const SHAPE = { space: 'cosine', dimension: 384 } as const;
const RECORDS = Number(process.argv[2] ?? 8_239);
const ROUNDS = 3;
const BATCH = 1_000;

interface Case {
  name: string;
  /** Of this many records one is kept; 0: none is. */
  keep: number;
}

const CASES: Case[] = [
  { name: 'all deleted', keep: 0 },
  { name: 'nine of ten deleted', keep: 10 },
  { name: 'none deleted', keep: 1 },
];

const engine = new ChromaEngine();
console.log(`${RECORDS} records with ${SHAPE.dimension} dimensions, upserted ${ROUNDS} times, then deleted.\n`);
console.log('| case | records | MiB | after | copies of dead text | after | vacuum s | same records |');
console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
for (const one of CASES) console.log(await measure(one));

async function measure({ name, keep }: Case): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'bench-vacuum-'));
  const directory = { path, markDirty: async () => {} } as unknown as WorkingDirectory;
  try {
    await write(directory, keep);
    const kept = keep === 0 ? 0 : Math.ceil(RECORDS / keep);
    const [before, digest] = [await look(path, keep), await digestOf(directory)];
    const started = performance.now();
    await engine.vacuum(directory, COLLECTION, SHAPE);
    const seconds = (performance.now() - started) / 1_000;
    const [after, again] = [await look(path, keep), await digestOf(directory)];
    const { records } = await engine.inspect(directory, COLLECTION, { thorough: true });
    const isSame = digest.sha256 === again.sha256 && records === kept && again.records === kept;
    const sizes = [before.mib, after.mib, before.copies, after.copies];
    return `| ${[name, kept, ...sizes, seconds.toFixed(1), isSame].join(' | ')} |`;
  } finally {
    await rm(path, { recursive: true });
  }
}

async function write(directory: WorkingDirectory, keep: number): Promise<void> {
  const session = await engine.open(directory, { incomingBytes: RECORDS * ROUNDS * 4_000 });
  try {
    await session.useCollection(COLLECTION, SHAPE);
    const numbers = Array.from({ length: RECORDS }, (_, n) => n);
    for (let round = 1; round <= ROUNDS; round++) {
      for (let first = 0; first < RECORDS; first += BATCH) {
        await session.upsert(numbers.slice(first, first + BATCH).map((n) => record(n, round)));
      }
    }
    const gone = numbers.filter((n) => keep === 0 || n % keep !== 0);
    await session.remove(gone.map((n) => `r${n}`));
  } finally {
    await session.close();
  }
}

function record(n: number, round: number) {
  const embedding = Array.from(
    { length: SHAPE.dimension },
    (_, k) => Math.sin(n * 7.3 + k * 1.7 + round) + (k % 5) / 9,
  );
  return {
    id: `r${n}`,
    embedding,
    metadata: { n, round },
    document: `private=${n}, written in round=${round} of ${ROUNDS}`,
  };
}

/** Dead: of a record that is gone, or of an earlier round. */
async function look(path: string, keep: number) {
  let [bytes, copies] = [0, 0];
  for (const name of await readdir(path, { recursive: true })) {
    const file = await stat(join(path, name));
    if (!file.isFile()) continue;
    bytes += file.size;
    const content = (await readFile(join(path, name))).toString('latin1');
    for (const [, n, round] of content.matchAll(/private=(\d+), written in round=(\d)/g)) {
      const isLive = keep > 0 && Number(n) % keep === 0 && Number(round) === ROUNDS;
      if (!isLive) copies++;
    }
  }
  return { mib: (bytes / 1024 ** 2).toFixed(1), copies };
}

async function digestOf(directory: WorkingDirectory) {
  const session = await engine.open(directory);
  try {
    await session.useCollection(COLLECTION, SHAPE);
    return await digestRecords(session);
  } finally {
    await session.close();
  }
}
