import type { Command } from 'commander';
import type { RecordPage } from '../../lambdas/ports.ts';
import { stringifyExact } from '../../lambdas/snapshot/exact-json.ts';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import { type Context, withCollection } from '../command.ts';
import { type FilterOptions, parseCount, parseFilter, withFilter } from '../filter.ts';
import { withVersion } from '../open-version.ts';
import { columns } from '../output.ts';
import { withProgress } from '../progress.ts';

interface Options extends FilterOptions {
  limit: number;
  offset: number;
  count?: boolean;
  version?: number;
}

/** `compactor get`: records of a version by id and filter, or how many there are. */
export function get(program: Command): void {
  const command = program
    .command('get <collection> [ids...]')
    .description('list or count records of a version, by id and filter');
  withFilter(command)
    .option('-n, --limit <count>', 'how many', Number, 100)
    .option('--offset <count>', 'how many to pass over first', Number, 0)
    .option('--count', 'only how many there are, without regard to --limit and --offset')
    .option('--version <n>', 'an earlier version', Number)
    .addHelpText(
      'after',
      `
Ids that do not exist are left out.

Example:
  compactor get pets --where '{"legs":{"$gte":3}}' --limit 10 --offset 20
  compactor get pets cat dog
  compactor get pets --count --where '{"legs":4}'`,
    );
  withCollection<[string, string[], Options]>(command, async (context, collection, ids, options) => {
    if (options.count === true) return countRecords(context, collection, ids, options);
    const { target, output } = context;
    const page: RecordPage = { ...idsOf(ids), ...parseFilter(options), ...pageOf(options) };
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

async function countRecords(
  { target, output }: Context,
  collection: string,
  ids: readonly string[],
  options: Options,
): Promise<void> {
  const filter: RecordPage = { ...idsOf(ids), ...parseFilter(options), include: [] };
  const loaded = await findVersion(target.ports, collection, options.version);
  const { version, records } = loaded.manifest;
  const isAll = filter.ids === undefined && filter.where === undefined && filter.whereDocument === undefined;
  // How many there are in all is in the manifest, which takes no engine.
  const count = isAll
    ? records
    : await withProgress(output, `Counting in version ${version}`, () =>
        withVersion(target, loaded, async (snapshot) => (await snapshot.find(filter)).length),
      );
  output.result({ collection, version, count }, String(count));
}

function idsOf(ids: readonly string[]): Pick<RecordPage, 'ids'> {
  return ids.length === 0 ? {} : { ids: [...new Set(ids)] };
}

function pageOf({ limit, offset }: Options): Pick<RecordPage, 'limit' | 'offset'> {
  parseCount('--limit', limit, 1);
  parseCount('--offset', offset, 0);
  return { limit, offset };
}
