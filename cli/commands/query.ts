import type { Command } from 'commander';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import { withCollection } from '../command.ts';
import { type FilterOptions, parseCount, parseFilter, withFilter } from '../filter.ts';
import { withVersion } from '../open-version.ts';
import { CommandFailure, columns, EXIT } from '../output.ts';
import { withProgress } from '../progress.ts';

interface Options extends FilterOptions {
  embedding: string;
  limit: number;
  version?: number;
}

/** `compactor query`: nearest neighbours in a version. */
export function query(program: Command): void {
  const command = program
    .command('query <collection>')
    .description('find the nearest neighbours of an embedding')
    .requiredOption('--embedding <json>', 'the embedding, as a JSON array');
  withFilter(command)
    .option('-n, --limit <count>', 'how many', Number, 5)
    .option('--version <n>', 'an earlier version', Number)
    .addHelpText(
      'after',
      `\nExample:\n  compactor query pets --embedding '[1,0,0]' --limit 3 --where '{"legs":4}' --where-document '{"$contains":"feline"}'`,
    );
  withCollection<[string, Options]>(command, async ({ target, output }, collection, options) => {
    const filter = parseFilter(options);
    parseCount('--limit', options.limit, 1);
    const loaded = await findVersion(target.ports, collection, options.version);
    const { dimension, version } = loaded.manifest;
    const embedding = parseEmbedding(options.embedding, dimension);
    const neighbours = await withProgress(output, `Querying version ${version}`, () =>
      withVersion(target, loaded, (snapshot) => snapshot.query(embedding, options.limit, filter)),
    );
    const rows = neighbours.map(({ id, distance, document = '' }) => [id, distance.toFixed(4), document.slice(0, 80)]);
    output.result({ collection, version, neighbours }, columns([['id', 'distance', 'document'], ...rows]));
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
