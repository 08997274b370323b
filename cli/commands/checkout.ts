import { cp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { makeWritableFolder } from '../../lambdas/adapters/files/disk-errors.ts';
import { withCheckout } from '../../lambdas/versions/checkout.ts';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import { withCollection } from '../command.ts';
import { CommandFailure, EXIT } from '../output.ts';
import { withProgress } from '../progress.ts';

/** `compactor checkout`: a plain Chroma directory. */
export function checkout(program: Command): void {
  const command = program
    .command('checkout <collection> <dir>')
    .description('write a version to a plain Chroma directory that any Chroma client can open')
    .option('--version <n>', 'an earlier version', Number)
    .addHelpText(
      'after',
      '\nWhoever opens the directory must be able to write to it: Chroma writes to its database every time it starts, and\n' +
        'fails on a read-only disk or without write permission. Copy the directory first in such a case.\n\n' +
        'Example:\n  compactor checkout pets ./pets\n  python -c \'import chromadb; print(chromadb.PersistentClient("pets").get_collection("pets").count())\'',
    );
  withCollection<[string, string, { version?: number }]>(
    command,
    async ({ target, output }, collection, dir, options) => {
      const path = resolve(dir);
      if ((await readdir(path).catch(() => [])).length > 0) {
        throw new CommandFailure(
          `"${path}" is not empty. Name a directory that is empty or does not exist.`,
          EXIT.badInput,
        );
      }
      await makeWritableFolder(dirname(path)).catch((cause: Error) => {
        throw new CommandFailure(
          `"${path}" cannot be written (${cause.message}). Name a directory that you may write.`,
          EXIT.badInput,
        );
      });
      const loaded = await findVersion(target.ports, collection, options.version);
      const { version, records } = loaded.manifest;
      await withProgress(output, `Checking out version ${version}`, () =>
        withCheckout(target.ports, loaded, async (directory) => {
          // Beside the target, then renamed: an interrupted checkout leaves nothing that looks like one.
          const partial = `${path}.partial-${process.pid}`;
          await cp(directory.path, partial, { recursive: true });
          await rm(path, { recursive: true, force: true });
          await rename(partial, path);
        }),
      );
      const text =
        `Version ${version} of "${collection}" (${records} records) is in ${path}. ` +
        'Chroma writes to a directory that it opens: keep it writable.';
      output.result({ collection, version, records, directory: path }, text);
    },
  );
}
