import type { Command } from 'commander';
import { type ListedReport, listReports } from '../../lambdas/upkeep/list-reports.ts';
import { withCollection } from '../command.ts';
import { columns } from '../output.ts';
import { checkPaging, type PagingOptions, withPaging, withRest } from '../paging.ts';
import { withProgress } from '../progress.ts';

/** `compactor rejections`: what was not applied, and why. */
export function rejections(program: Command): void {
  const command = program
    .command('rejections <collection>')
    .description('list the reports on rejected operations and why, the latest first');
  withPaging(command, 20).addHelpText(
    'after',
    `
Of each delta the first reason is shown, with --json up to a hundred. What to do: compactor explain.

Example:
  compactor rejections pets --limit 5
  compactor explain pets/import-2026-11-23`,
  );
  withCollection<[string, PagingOptions]>(command, async ({ target: { ports }, output }, collection, options) => {
    const page = checkPaging(options);
    const { total, reports } = await withProgress(output, `Reading reports of "${collection}"`, () =>
      listReports(ports, collection, page),
    );
    const listed = reports.map((report) => ({ ...report, reportedAt: new Date(report.reportedAt).toISOString() }));
    const rows = listed.map((report) => [
      ...[report.deltaId, report.rejectedOperations ?? 'damaged', report.reportedAt, firstReason(report)],
    ]);
    const table = columns([['delta', 'rejected', 'reported', 'first reason'], ...rows]);
    output.result(
      { collection, total, rejections: listed },
      total === 0
        ? `No operation of "${collection}" was rejected.`
        : withRest(table, total - page.offset - listed.length, 'report'),
    );
  });
}

function firstReason({ problem, rejections: [first] }: Pick<ListedReport, 'problem' | 'rejections'>): string {
  if (problem !== null) return problem;
  if (first === undefined) return '-';
  return `${first.line === 0 ? '' : `line ${first.line}: `}${first.error}: ${first.reason}`;
}
