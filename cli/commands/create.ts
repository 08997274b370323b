import type { Command } from 'commander';
import { Option } from 'commander';
import { CollectionExistsError } from '../../lambdas/errors/errors.ts';
import { lookUp, parseName, recordOfStored } from '../../lambdas/names/look-up.ts';
import type { SmallPorts } from '../../lambdas/names/small-object.ts';
import { SPACES, type Space } from '../../lambdas/ports.ts';
import { createCollection } from '../../lambdas/upkeep/create-collection.ts';
import { withTarget } from '../command.ts';

/** `compactor create`: make version 0 of a collection. */
export function create(program: Command): void {
  const command = program
    .command('create <collection>')
    .description('create an empty collection')
    .requiredOption('--dimension <n>', 'numbers per embedding', Number)
    .addOption(new Option('--space <space>', 'distance').choices([...SPACES]).default('cosine'))
    .addHelpText('after', '\nExample:\n  compactor create pets --dimension 512 --space cosine');
  withTarget<[string, { dimension: number; space: Space }]>(
    command,
    async (context, collection, options) => {
      const { dimension, space } = options;
      await refuseTaken(context.target.ports, collection);
      const outcome = await createCollection(context.target.ports, {
        collection,
        dimension,
        space,
        creator: 'compactor create',
      });
      const text = `Collection "${collection}" ${outcome === 'created' ? 'created' : 'exists already'}: dimension ${dimension}, ${space}.`;
      context.output.result({ collection, dimension, space, outcome }, text);
    },
    { changes: true },
  );
}

/** A collection stored under a name that clients already use for another one could be reached by none of them. */
async function refuseTaken(ports: SmallPorts, collection: string): Promise<void> {
  const named = await lookUp(ports, parseName(collection));
  if (named !== undefined && named.collection !== collection) {
    throw new CollectionExistsError(
      `A collection "${collection}" exists, stored as "${named.collection}" (compactor names). Choose another name.`,
    );
  }
  const record = named ?? (await recordOfStored(ports, collection));
  if (record === undefined || (record.name === collection && !record.dropped)) return;
  throw new CollectionExistsError(
    `What is stored as "${collection}" is of a collection that was ${record.dropped ? 'dropped' : `renamed to "${record.name}"`}. ` +
      "Choose another name, or create it by a client of Chroma's, which stores it under a name of its own.",
  );
}
