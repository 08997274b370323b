import type { Command } from 'commander';
import type { Ports } from '../../lambdas/ports.ts';
import {
  type CollectedGarbage,
  collectGarbage,
  collectMany,
  type GarbageRun,
} from '../../lambdas/upkeep/collect-garbage.ts';
import type { UnreachedCollection } from '../../lambdas/upkeep/collect-unreached.ts';
import { withCollection } from '../command.ts';
import { bytes, columns, count, type Output } from '../output.ts';
import { withProgress } from '../progress.ts';

/** `compactor gc`: delete what no retained version needs, and collections that no name leads to. */
export function gc(program: Command): void {
  const command = program
    .command('gc [collection]')
    .description(
      'delete what no retained version needs (RETAIN_VERSIONS, 10, and RETAIN_DAYS, 7, say what is retained)',
    )
    .option('--dry-run', 'list what would be deleted, and change nothing')
    .addHelpText(
      'after',
      `
Without a collection: of all, and what no name leads to. A collection that was dropped is noted by the first run, and
taken with all that is stored of it by the first one that comes RETAIN_DAYS later; until then its versions can still be
read under the name that it is stored as. Runs of a deployed stack do the same.

Example:
  compactor gc pets --dry-run
  compactor gc pets
  compactor gc --dry-run`,
    );
  withCollection<[string | undefined, { dryRun?: boolean }]>(
    command,
    async ({ target: { ports }, output }, collection, { dryRun = false }) => {
      if (collection === undefined) await collectAll(ports, output, dryRun);
      else await collectOne(ports, output, { collection, runId: ports.ids.ulid(), dryRun });
    },
    { changes: (_target, _collection, { dryRun }) => dryRun !== true },
  );
}

async function collectOne(ports: Ports, output: Output, request: Parameters<typeof collectGarbage>[1]): Promise<void> {
  const collected = await withProgress(output, `Collecting the garbage of "${request.collection}"`, () =>
    collectGarbage(ports, request),
  );
  output.result({ ...collected, runId: request.runId }, describe(collected));
}

async function collectAll(ports: Ports, output: Output, dryRun: boolean): Promise<void> {
  const done = await withProgress(output, 'Collecting the garbage of all collections', () =>
    collectMany(ports, { dryRun }),
  );
  output.result(done, describeAll(done));
}

function describe({ garbage, strangers, ...report }: CollectedGarbage): string {
  const { deletedManifests, deletedPacks, deletedBytes, retainedFrom, kept, dryRun } = report;
  const verb = dryRun ? 'Would delete' : 'Deleted';
  const rows = garbage.map(({ key, size }) => [key, bytes(size)]);
  return [
    ...(rows.length === 0 ? [] : [columns([[verb.toLowerCase(), 'size'], ...rows])]),
    ...strangers.map((key) => `"${key}" is no manifest or pack; it is left alone.`),
    `${verb} ${deletedManifests} manifests and ${deletedPacks} packs (${bytes(deletedBytes)}). Versions from ` +
      `${retainedFrom} on are kept, ${kept} objects in all.${dryRun ? ' Nothing was changed.' : ''}`,
  ].join('\n');
}

function describeAll({ reports, unreached, dryRun }: GarbageRun): string {
  const sorted = [...reports].sort((a, b) => (a.collection < b.collection ? -1 : 1));
  const rows = sorted.map(({ collection, deletedManifests, deletedPacks, deletedBytes, retainedFrom }) => {
    return [collection, deletedManifests, deletedPacks, bytes(deletedBytes), retainedFrom];
  });
  const collections = unreached?.collections ?? [];
  const unreachedRows = collections.map((found) => [found.collection, tell(found, dryRun), bytes(found.bytes)]);
  const entries = unreached?.entries ?? [];
  const verb = dryRun ? 'Would delete' : 'Deleted';
  return [
    rows.length === 0
      ? 'There are no collections.'
      : columns([['collection', 'manifests', 'packs', verb.toLowerCase(), 'kept from version'], ...rows]),
    collections.length === 0
      ? 'A name leads to every collection that is stored.'
      : columns([['no name leads to', 'state', 'size'], ...unreachedRows]),
    ...(entries.length === 0 ? [] : [`${verb} ${count(entries.length, 'name')} that led nowhere.`]),
    ...(dryRun ? ['Nothing was changed.'] : []),
  ].join('\n');
}

function tell({ state, dueAt }: UnreachedCollection, dryRun: boolean): string {
  const due = `from ${dueAt} on`;
  if (state === 'found') return dryRun ? 'would be noted' : `noted, taken ${due}`;
  if (state === 'waiting') return `taken ${due}`;
  if (dryRun) return 'would be taken';
  return state === 'taken' ? 'taken; the next run looks once more' : 'taken, and nothing came since';
}
