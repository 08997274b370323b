import type { Command } from 'commander';
import { correctSpace as correct } from '../../lambdas/upkeep/correct-space.ts';
import { withCollection } from '../command.ts';
import { withProgress } from '../progress.ts';

/** `compactor correct-space`: make the manifest name the distance by which the collection ranks. */
export function correctSpace(program: Command): void {
  const command = program
    .command('correct-space <collection>')
    .description(
      'measure which distance a collection really ranks by, and correct its manifest in a new version if it names another',
    )
    .addHelpText(
      'after',
      '\nFor collections that were imported before import measured the distance: directories made by Chroma before 1.0 were\n' +
        'recorded as l2, although they rank by the distance they were made with. Only the manifest changes, and nothing\n' +
        'is done if it is right.\n\n' +
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
