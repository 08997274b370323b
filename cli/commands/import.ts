import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { chooseCollection, shownName } from '../../lambdas/adapters/chroma/choose.ts';
import { extractCollection } from '../../lambdas/adapters/chroma/extract-collection.ts';
import { roomFor, surveyDirectory } from '../../lambdas/adapters/chroma/survey.ts';
import { InvalidInputError } from '../../lambdas/errors/errors.ts';
import type { Ports } from '../../lambdas/ports.ts';
import { checkCollection } from '../../lambdas/snapshot/keys.ts';
import { importSnapshot as importStep, refuseHistory } from '../../lambdas/upkeep/import-snapshot.ts';
import { unpack } from '../archive.ts';
import { withTarget } from '../command.ts';
import { bytes } from '../output.ts';
import { withProgress } from '../progress.ts';
import { makeScratch } from '../scratch.ts';

interface Options {
  collection?: string;
  as?: string;
  maxGib: number;
}

const GIB = 1024 ** 3;
const ACTOR = 'compactor import';

/** `compactor import`: make an existing Chroma directory version 1 of a collection. */
export function importSnapshot(program: Command): void {
  const command = program
    .command('import <chroma-dir>')
    .description('import an existing Chroma directory, or a .tar.gz of one, as version 1 (exit 3 if it is damaged)')
    .option('--collection <name>', 'which collection to import if there are several: a name, or tenant/database/name')
    .option('--as <name>', 'name to import it under; default: its own')
    .option('--max-gib <n>', 'largest size of an archive once unpacked', Number, 64)
    .addHelpText(
      'after',
      `
The directory is not changed. Nothing may write to it meanwhile: stop the server or the Python process that has it open.
It is checked (by SQLite's quick check), copied, and opened by a Chroma server to count its records and measure its
distance; other collections are removed from the copy. Only then is anything created here. The import is refused if the
directory was written by a newer Chroma than the one here (see: compactor engines), if it holds several
collections and none is chosen, or if the collection already has a history here. Waiting deltas are merged on top of it.

Example:
  compactor import ./chroma --collection pets
  compactor import ./chroma --collection acme/main/pets
  compactor import snapshot.tar.gz --as pets`,
    );
  withTarget<[string, Options]>(
    command,
    async ({ target, output }, given, options) => {
      const scratch = await makeScratch();
      try {
        const done = await withProgress(output, `Importing ${given}`, async (report) => {
          report('reading');
          const source = await openSource(resolve(given), scratch.path, options.maxGib);
          return importFrom(target.ports, source, options, report);
        });
        const text = [
          `"${done.collection}" is at version ${done.version}: ${done.records} records, dimension ${done.dimension}, ${done.space}; ` +
            `${bytes(done.uploadedBytes)} uploaded for ${bytes(done.snapshotBytes)}.`,
          ...(done.removed.length === 0 ? [] : [`Left out, other collections: ${done.removed.join(', ')}.`]),
          ...(done.strangers.length === 0 ? [] : [`Left out, no part of a collection: ${done.strangers.join(', ')}.`]),
        ];
        output.result(done, text.join('\n'));
      } finally {
        await scratch.remove();
      }
    },
    { changes: true },
  );
}

async function importFrom(ports: Ports, source: string, options: Options, report: (text: string) => void) {
  const survey = await surveyDirectory(source);
  const chosen = chooseCollection(survey, source, options.collection);
  const collection = checkCollection(options.as ?? chosen.name);
  await refuseHistory(ports, collection);
  const directory = await ports.directories.claim(collection, roomFor(survey));
  try {
    report('copying');
    const adopted = await extractCollection({ source, survey, collection: chosen, directory, name: collection });
    report('checking and publishing');
    const { records, dimension } = chosen;
    const imported = await importStep(ports, { collection, directory, source, dimension, records, actor: ACTOR });
    return { ...imported, dimension, importedFrom: shownName(chosen), ...adopted };
  } finally {
    await directory.release();
  }
}

async function openSource(path: string, scratch: string, maxGib: number): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new InvalidInputError(`There is no "${path}".`);
  if (found.isDirectory()) return path;
  if (!(maxGib > 0)) throw new InvalidInputError('--max-gib must be a number above 0.');
  return unpack(path, scratch, maxGib * GIB);
}
