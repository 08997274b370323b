import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
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

interface Options {
  collection?: string;
  as?: string;
  maxGib: number;
}

const GIB = 1024 ** 3;
const ACTOR = 'compactor import';

/** `compactor import`: a Chroma directory that exists becomes version 1 of a collection. */
export function importSnapshot(program: Command): void {
  const command = program
    .command('import <chroma-dir>')
    .description('adopt an existing Chroma directory, or a .tar.gz of one, as version 1 (exit 3 if it is damaged)')
    .option('--collection <name>', 'which of its collections, when it holds several: a name, or tenant/database/name')
    .option('--as <name>', 'name of the collection here; default: its own')
    .option('--max-gib <n>', 'largest archive, unpacked', Number, 64)
    .addHelpText(
      'after',
      `
The directory is only read, and must be at rest: stop the server or the Python process that has it open. It is checked
(SQLite quick check), copied, and opened by a Chroma server, which counts it; its distance is measured, and whatever
belongs to other collections is removed from the copy. Only then is anything created here. It is refused when it was
made by a newer Chroma than the one here (CHROMA_BIN chooses), when several collections are in it and none is chosen,
or when the collection has a history here already. Deltas that wait are merged on top of it.

Example:
  compactor import ./chroma --collection pets
  compactor import ./chroma --collection acme/main/pets
  compactor import snapshot.tar.gz --as pets`,
    );
  withTarget<[string, Options]>(
    command,
    async ({ target, output }, given, options) => {
      const scratch = await mkdtemp(join(tmpdir(), 'compactor-import-'));
      try {
        const done = await withProgress(output, `Importing ${given}`, async (report) => {
          report('reading');
          const source = await openSource(resolve(given), scratch, options.maxGib);
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
        await rm(scratch, { recursive: true, force: true });
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
