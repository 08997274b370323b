import type { Command } from 'commander';
import { listDeltas } from '../../lambdas/upkeep/list-deltas.ts';
import { withCollection } from '../command.ts';
import { bytes, columns } from '../output.ts';
import { checkPaging, type PagingOptions, withPaging, withRest } from '../paging.ts';
import { withProgress } from '../progress.ts';
import { age, secondsSince } from '../waiting.ts';

/** `compactor deltas`: what lies in the inbox. */
export function deltas(program: Command): void {
  const command = program
    .command('deltas <collection>')
    .description('list the deltas in the inbox, the oldest first: waiting, or decided and not tidied up yet');
  withPaging(command, 50).addHelpText(
    'after',
    `
A decided delta lies there until the next compaction tidies up, or was sent again. One "behind a gap" is a write of an
endpoint: it is taken when the one before it is there, or given up. What was set aside is in: compactor aside.

Example:
  compactor deltas pets --limit 10
  compactor explain pets/import-2026-11-23`,
  );
  withCollection<[string, PagingOptions]>(command, async ({ target: { ports }, output }, collection, options) => {
    const page = checkPaging(options);
    const { total, deltas: found } = await withProgress(output, `Reading the inbox of "${collection}"`, () =>
      listDeltas(ports, collection, page),
    );
    const now = ports.clock.now();
    const listed = found.map(({ arrivedAt, ...delta }) => ({
      ...delta,
      arrivedAt: new Date(arrivedAt).toISOString(),
      ageSeconds: secondsSince(arrivedAt, now),
    }));
    const rows = listed.map(({ deltaId, state, source, size, operations, arrivedAt, ageSeconds }) => [
      ...[deltaId, state, source, operations ?? 'unreadable', bytes(size), arrivedAt, age(ageSeconds)],
    ]);
    const table = columns([['delta', 'state', 'source', 'operations', 'size', 'arrived', 'age'], ...rows]);
    output.result(
      { collection, total, deltas: listed },
      total === 0
        ? `No delta of "${collection}" is in the inbox.`
        : withRest(table, total - page.offset - listed.length, 'delta'),
    );
  });
}
