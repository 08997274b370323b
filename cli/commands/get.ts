import type { Command } from 'commander';
import type { RecordPage } from '../../lambdas/ports.ts';
import { stringifyExact } from '../../lambdas/snapshot/exact-json.ts';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import { withCollection } from '../command.ts';
import { type FilterOptions, parseCount, parseFilter, withFilter } from '../filter.ts';
import { withVersion } from '../open-version.ts';
import { columns } from '../output.ts';
import { withProgress } from '../progress.ts';

interface Options extends FilterOptions {
  limit: number;
  offset: number;
  version?: number;
}

/** `compactor get`: records of a version, by filter. */
export function get(program: Command): void {
  const command = program.command('get <collection>').description('list records of a version, by filter');
  withFilter(command)
    .option('-n, --limit <count>', 'how many', Number, 100)
    .option('--offset <count>', 'how many to pass over first', Number, 0)
    .option('--version <n>', 'an earlier version', Number)
    .addHelpText('after', `\nExample:\n  compactor get pets --where '{"legs":{"$gte":3}}' --limit 10 --offset 20`);
  withCollection<[string, Options]>(command, async ({ target, output }, collection, options) => {
    const page: RecordPage = { ...parseFilter(options), ...pageOf(options) };
    const loaded = await findVersion(target.ports, collection, options.version);
    const { version } = loaded.manifest;
    const records = await withProgress(output, `Reading version ${version}`, () =>
      withVersion(target, loaded, (snapshot) => snapshot.find(page)),
    );
    const rows = records.map(({ id, metadata, document = '' }) => [
      id,
      metadata === undefined ? '' : stringifyExact(metadata).slice(0, 60),
      document.slice(0, 60),
    ]);
    output.result({ collection, version, records }, columns([['id', 'metadata', 'document'], ...rows]));
  });
}

function pageOf({ limit, offset }: Options): Pick<RecordPage, 'limit' | 'offset'> {
  parseCount('--limit', limit, 1);
  parseCount('--offset', offset, 0);
  return { limit, offset };
}
