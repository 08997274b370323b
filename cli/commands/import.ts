import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { type Adopted, adoptDirectory } from '../../lambdas/adapters/chroma/adopt.ts';
import { roomFor, type Survey, surveyDirectory } from '../../lambdas/adapters/chroma/survey.ts';
import { DirtyDirectoryError, InvalidInputError } from '../../lambdas/protocol/errors.ts';
import { checkCollection } from '../../lambdas/snapshot/keys.ts';
import { importSnapshot as importStep } from '../../lambdas/steps/import-snapshot.ts';
import { unpack } from '../archive.ts';
import { withTarget } from '../command.ts';
import { bytes, CommandFailure, EXIT } from '../output.ts';
import { withProgress } from '../progress.ts';

interface Options {
  collection?: string;
  as?: string;
  maxGib: number;
}

const GIB = 1024 ** 3;

/** `compactor import`: a Chroma directory that exists becomes version 1 of a collection. */
export function importSnapshot(program: Command): void {
  const command = program
    .command('import <chroma-dir>')
    .description('adopt an existing Chroma directory, or a .tar.gz of one, as version 1 (exit 3 if it is damaged)')
    .option('--collection <name>', 'which of its collections, when it holds several')
    .option('--as <name>', 'name of the collection here; default: its own')
    .option('--max-gib <n>', 'largest archive, unpacked', Number, 64)
    .addHelpText(
      'after',
      `
The directory is only read, and must be at rest: stop the server or the Python process that has it open. It is copied,
checked (SQLite quick check, and counted by a Chroma server), and other collections are removed from the copy. It is
refused when it was made by a newer Chroma than the one here (CHROMA_BIN chooses), when several collections are in it
and none is chosen, or when the collection has a history here already. Deltas that wait are merged on top of it.

Example:
  compactor import ./chroma --collection pets
  compactor import snapshot.tar.gz --as pets`,
    );
  withTarget<[string, Options]>(command, async ({ target, output }, given, options) => {
    const { ports } = target;
    const path = resolve(given);
    const scratch = await mkdtemp(join(tmpdir(), 'compactor-import-'));
    try {
      const done = await withProgress(output, `Importing ${given}`, async (report) => {
        report('reading');
        const source = await openSource(path, scratch, options.maxGib);
        const survey = await surveyDirectory(source);
        const collection = checkCollection(options.as ?? options.collection ?? onlyName(source, survey));
        const directory = await ports.directories.claim(collection, roomFor(survey));
        try {
          report('copying and checking');
          const chosen = options.collection;
          const adopted = await adoptDirectory({ source, survey, directory, name: collection, chosen });
          const { space, dimension, records } = adopted;
          report('publishing');
          const actor = 'compactor import';
          const imported = await importStep(ports, { collection, directory, space, dimension, records, actor });
          return { ...imported, space, dimension, ...leftOut(adopted) };
        } finally {
          await directory.release();
        }
      }).catch((error: unknown) => {
        if (!(error instanceof DirtyDirectoryError)) throw error;
        throw new CommandFailure(`${error.name}: ${error.message}`, EXIT.refused);
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
  });
}

function leftOut({ chosen, removed, strangers }: Adopted) {
  return { importedFrom: chosen, removed, strangers };
}

async function openSource(path: string, scratch: string, maxGib: number): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new InvalidInputError(`There is no "${path}".`);
  if (found.isDirectory()) return path;
  if (!(maxGib > 0)) throw new InvalidInputError('--max-gib must be a number above 0.');
  return unpack(path, scratch, maxGib * GIB);
}

function onlyName(source: string, { collections }: Survey): string {
  const [only, ...others] = collections.map(({ name }) => name);
  if (only !== undefined && others.length === 0) return only;
  throw new InvalidInputError(
    only === undefined
      ? `"${source}" holds no collection.`
      : `"${source}" holds several collections: ${[only, ...others].join(', ')}. Choose one by --collection.`,
  );
}
