import type { Command } from 'commander';
import { type CollectedGarbage, collectGarbage } from '../../lambdas/upkeep/collect-garbage.ts';
import { withCollection } from '../command.ts';
import { bytes, columns } from '../output.ts';
import { withProgress } from '../progress.ts';

/** `compactor gc`: what no retained version needs goes. */
export function gc(program: Command): void {
  const command = program
    .command('gc <collection>')
    .description(
      'delete what no retained version needs (RETAIN_VERSIONS, 10, and RETAIN_DAYS, 7, say what is retained)',
    )
    .option('--dry-run', 'list what would be deleted, and change nothing')
    .addHelpText('after', '\nExample:\n  compactor gc pets --dry-run\n  compactor gc pets');
  withCollection<[string, { dryRun?: boolean }]>(
    command,
    async ({ target, output }, collection, { dryRun = false }) => {
      const { ports } = target;
      const runId = ports.ids.commitId();
      const collected = await withProgress(output, `Collecting the garbage of "${collection}"`, () =>
        collectGarbage(ports, { collection, runId, dryRun }),
      );
      output.result({ ...collected, runId }, describe(collected));
    },
    { changes: (_target, _collection, { dryRun }) => dryRun !== true },
  );
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
