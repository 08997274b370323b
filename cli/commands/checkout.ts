import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { withCheckout } from '../../lambdas/steps/checkout.ts';
import { findVersion } from '../../lambdas/steps/walk-versions.ts';
import { withTarget } from '../command.ts';
import { CommandFailure, EXIT } from '../output.ts';
import { withProgress } from '../progress.ts';

/** `compactor checkout`: a plain Chroma directory. */
export function checkout(program: Command): void {
  const command = program
    .command('checkout <collection> <dir>')
    .description('write a version as a plain Chroma directory, which any Chroma client opens')
    .option('--version <n>', 'an earlier version', Number)
    .addHelpText(
      'after',
      '\nExample:\n  compactor checkout pets ./pets\n  python -c \'import chromadb; print(chromadb.PersistentClient("pets").get_collection("pets").count())\'',
    );
  withTarget<[string, string, { version?: number }]>(command, async ({ target, output }, collection, dir, options) => {
    const path = resolve(dir);
    if ((await readdir(path).catch(() => [])).length > 0) {
      throw new CommandFailure(
        `"${path}" is not empty. Name a directory that is empty or does not exist.`,
        EXIT.badInput,
      );
    }
    const loaded = await findVersion(target.ports, collection, options.version);
    const { version, records } = loaded.manifest;
    await withProgress(output, `Checking out version ${version}`, () =>
      withCheckout(target.ports, loaded, async (directory) => {
        // Beside the target, then renamed: an interrupted checkout leaves nothing that looks like one.
        const partial = `${path}.partial-${process.pid}`;
        await mkdir(dirname(path), { recursive: true });
        await cp(directory.path, partial, { recursive: true });
        await rm(path, { recursive: true, force: true });
        await rename(partial, path);
      }),
    );
    const text = `Version ${version} of "${collection}" (${records} records) is in ${path}.`;
    output.result({ collection, version, records, directory: path }, text);
  });
}
