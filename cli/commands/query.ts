import type { Command } from 'commander';
import { withCheckout } from '../../lambdas/steps/checkout.ts';
import { findVersion } from '../../lambdas/steps/walk-versions.ts';
import { withTarget } from '../command.ts';
import { CommandFailure, columns, EXIT } from '../output.ts';
import { withProgress } from '../progress.ts';

interface Options {
  embedding: string;
  limit: number;
  version?: number;
}

/** `compactor query`: nearest neighbours in a version. */
export function query(program: Command): void {
  const command = program
    .command('query <collection>')
    .description('find the nearest neighbours of an embedding')
    .requiredOption('--embedding <json>', 'the embedding, as a JSON array')
    .option('-n, --limit <count>', 'how many', Number, 5)
    .option('--version <n>', 'an earlier version', Number)
    .addHelpText('after', "\nExample:\n  compactor query pets --embedding '[1,0,0]' --limit 3");
  withTarget<[string, Options]>(command, async ({ target, output }, collection, options) => {
    const loaded = await findVersion(target.ports, collection, options.version);
    const { dimension, space, version } = loaded.manifest;
    const embedding = parseEmbedding(options.embedding, dimension);
    const neighbours = await withProgress(output, `Querying version ${version}`, () =>
      withCheckout(target.ports, loaded, async (directory) => {
        if (loaded.manifest.records === 0) return [];
        const session = await target.ports.engine.open(directory);
        try {
          await session.useCollection(collection, { space, dimension });
          return await session.query(embedding, options.limit);
        } finally {
          await session.close();
        }
      }),
    );
    const rows = neighbours.map(({ id, distance, document = '' }) => [id, distance.toFixed(4), document.slice(0, 80)]);
    const found = neighbours.map(({ embedding: _vector, ...neighbour }) => neighbour);
    output.result({ collection, version, neighbours: found }, columns([['id', 'distance', 'document'], ...rows]));
  });
}

function parseEmbedding(text: string, dimension: number): number[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (Array.isArray(value) && value.length === dimension && value.every(Number.isFinite)) return value as number[];
  throw new CommandFailure(`The embedding must be a JSON array of ${dimension} numbers.`, EXIT.badInput);
}
