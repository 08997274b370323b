/**
 * `npm start`: the main job from end to end on real data. Exits non-zero if any record, count, duplicate or rejection
 * is not as it must be.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Listr } from 'listr2';
import { startStack } from '../../local/stack.ts';
import { type CollectionName, readCorpus } from './corpus.ts';
import { type EmbeddedEntry, firstRound, secondRound } from './deltas.ts';
import { DIMENSION, Embedder } from './embed.ts';
import { Demonstration } from './run.ts';

const DATA = join('.compactor', 'demo');
const PER_COLLECTION = 670;
const FRESH = 17;
const SHOWN = 20;

const started = Date.now();
await rm(DATA, { recursive: true, force: true });
await mkdir(DATA, { recursive: true });
const embedder = new Embedder(join('.compactor', 'embeddings.txt'));
const corpus = readCorpus(PER_COLLECTION + FRESH);
const embedded = new Map<CollectionName, EmbeddedEntry[]>();
const stack = await startStack({ dataDirectory: DATA });
const demo = new Demonstration(stack, embedder);
try {
  const part = (from: number, to: number) => new Map([...embedded].map(([name, list]) => [name, list.slice(from, to)]));
  await new Listr(
    [
      {
        title: `Embed ${(PER_COLLECTION + FRESH) * corpus.size} WordNet glosses (remembered after the first time)`,
        task: async (_context, task) => {
          await embedder.load();
          const entries = [...corpus].flatMap(([collection, list]) => list.map((entry) => ({ collection, ...entry })));
          const vectors = await embedder.embed(
            entries.map(({ word, gloss }) => `${word}: ${gloss}`),
            (done, total) => {
              task.output = `${done} of ${total}`;
            },
          );
          entries.forEach(({ collection, ...entry }, i) => {
            const list = embedded.get(collection) ?? [];
            list.push({ ...entry, embedding: vectors[i] as number[] });
            embedded.set(collection, list);
          });
        },
      },
      {
        title: `Create three collections of dimension ${DIMENSION}`,
        task: () => demo.create([...corpus.keys()]),
      },
      {
        title: 'Round one: four producers load everything at once, and each wakes the state machine',
        task: () => demo.round('one', firstRound(part(0, PER_COLLECTION))),
      },
      {
        title: 'Round two: 100 updates, 50 new, 20 deletes, one delta twice, three bad lines',
        task: () =>
          demo.round('two', secondRound(part(0, PER_COLLECTION), part(PER_COLLECTION, PER_COLLECTION + FRESH)), [
            'updates',
          ]),
      },
      { title: 'Check every record, count, duplicate and rejection in fresh checkouts', task: () => demo.check() },
    ],
    { fallbackRenderer: 'simple' },
  ).run();
  process.stdout.write(`\n${demo.summary()}\n\n${await demo.questions()}\n`);
  const seconds = Math.round((Date.now() - started) / 1_000);
  process.stdout.write(
    `\n${demo.problems.length === 0 ? 'Everything is as it must be' : 'NOT as it must be'} (${seconds} s).\n`,
  );
  for (const problem of demo.problems.slice(0, SHOWN)) process.stdout.write(`  ${problem}\n`);
  if (demo.problems.length > SHOWN) process.stdout.write(`  and ${demo.problems.length - SHOWN} more\n`);
  process.exitCode = demo.problems.length === 0 ? 0 : 1;
} finally {
  await stack.close();
}
