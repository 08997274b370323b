import type { Command } from 'commander';
import { correctSpace as correct } from '../../lambdas/upkeep/correct-space.ts';
import { withCollection } from '../command.ts';
import { withProgress } from '../progress.ts';

/** `compactor correct-space`: the distance that a manifest names is the one by which the collection ranks. */
export function correctSpace(program: Command): void {
  const command = program
    .command('correct-space <collection>')
    .description('measure by which distance a collection ranks, and make a new version if its manifest names another')
    .addHelpText(
      'after',
      '\nFor what was imported before distances were measured: directories made before Chroma 1.0 were recorded as l2, and\n' +
        'ranked by their own distance all the same. No file changes but the manifest; nothing is done if it is right.\n\n' +
        'Example:\n  compactor correct-space pets',
    );
  withCollection<[string]>(
    command,
    async ({ target, output }, collection) => {
      const done = await withProgress(output, `Measuring "${collection}"`, () =>
        correct(target.ports, collection, 'compactor correct-space'),
      );
      const text = done.corrected
        ? `"${collection}" ranks by ${done.space}; its manifest named ${done.recorded}. Version ${done.version} names ${done.space}.`
        : `"${collection}" ranks by ${done.space}, as its manifest says. Nothing was changed.`;
      output.result(done, text);
    },
    { changes: true },
  );
}
