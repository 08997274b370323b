import type { Command } from 'commander';
import { decodeTime } from 'ulid';
import { liveBytes } from '../../lambdas/snapshot/manifest.ts';
import { walkVersions } from '../../lambdas/versions/walk-versions.ts';
import { withCollection } from '../command.ts';
import { bytes, columns } from '../output.ts';

/** `compactor versions`: what can be checked out. */
export function versions(program: Command): void {
  const command = program
    .command('versions <collection>')
    .description('list the retained versions, newest first')
    .option('-n, --limit <count>', 'at most this many', Number, 20)
    .addHelpText('after', '\nExample:\n  compactor versions pets --limit 5');
  withCollection<[string, { limit: number }]>(command, async ({ target, output }, collection, { limit }) => {
    const listed = [];
    for await (const { manifest } of walkVersions(target.ports, collection)) {
      if (listed.length >= limit) break;
      const { version, commitId, records, ledger, files, packs, engine } = manifest;
      listed.push({
        version,
        commitId,
        sealedAt: new Date(decodeTime(commitId)).toISOString(),
        records,
        deltas: ledger.filter((entry) => entry.version === version).length,
        snapshotBytes: liveBytes(files),
        packBytes: packs.find((pack) => pack.key.includes(commitId))?.size ?? 0,
        engine: engine === null ? null : `${engine.name} ${engine.version}`,
      });
    }
    const rows = listed.map((row) => [
      row.version,
      row.sealedAt,
      row.records,
      row.deltas,
      bytes(row.snapshotBytes),
      bytes(row.packBytes),
      row.engine ?? '-',
    ]);
    output.result(
      listed,
      columns([['version', 'sealed', 'records', 'deltas', 'snapshot', 'own pack', 'engine'], ...rows]),
    );
  });
}
