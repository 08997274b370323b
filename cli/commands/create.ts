import type { Command } from 'commander';
import { Option } from 'commander';
import { SPACES, type Space } from '../../lambdas/ports.ts';
import { createCollection } from '../../lambdas/steps/create-collection.ts';
import { withTarget } from '../command.ts';

/** `compactor create`: version 0 of a collection, the only way that one comes into being. */
export function create(program: Command): void {
  const command = program
    .command('create <collection>')
    .description('create an empty collection')
    .requiredOption('--dimension <n>', 'numbers per embedding', Number)
    .addOption(new Option('--space <space>', 'distance').choices([...SPACES]).default('cosine'))
    .addHelpText('after', '\nExample:\n  compactor create pets --dimension 512 --space cosine');
  withTarget<[string, { dimension: number; space: Space }]>(command, async (context, collection, options) => {
    const { dimension, space } = options;
    const outcome = await createCollection(context.target.ports, {
      collection,
      dimension,
      space,
      creator: 'compactor create',
    });
    const text = `Collection "${collection}" ${outcome === 'created' ? 'created' : 'exists already'}: dimension ${dimension}, ${space}.`;
    context.output.result({ collection, dimension, space, outcome }, text);
  });
}
