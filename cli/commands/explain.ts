import { DescribeExecutionCommand, type HistoryEvent, paginateGetExecutionHistory } from '@aws-sdk/client-sfn';
import type { Command } from 'commander';
import { InvalidInputError } from '../../lambdas/errors/errors.ts';
import type { DeltaTrace } from '../../lambdas/producer/trace-delta.ts';
import { loadManifest } from '../../lambdas/versions/load-manifest.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { type Context, withTarget } from '../command.ts';
import { messageOf } from '../executions.ts';
import { lastError } from '../executions-of.ts';
import { explainDelta, type Trouble, type Verdict } from '../explain/delta.ts';
import { explainExecution } from '../explain/execution.ts';
import { findCommitter, findDeltas, findExecution } from '../explain/find.ts';
import { visitsOf } from '../explain/history.ts';
import { EXIT } from '../output.ts';
import { withProgress } from '../progress.ts';
import type { Target } from '../target.ts';
import { readWaiting } from '../waiting.ts';

const EXIT_OF: Partial<Record<Verdict, number>> = {
  rejected: EXIT.refused,
  'applied in part': EXIT.refused,
  unreadable: EXIT.refused,
};

/** `compactor explain`: what happened to a delta or in an execution, and what to do. */
export function explain(program: Command): void {
  const command = program
    .command('explain <delta-or-execution>')
    .description('say in words what happened to a delta, or in an execution, and what to do')
    .option('--collection <name>', 'collection of the delta; without it, all are looked through')
    .addHelpText(
      'after',
      `
A delta is given by its id, or as <collection>/<id>; an execution by its name or ARN. Exits with 3 when operations of
the delta were rejected or the execution failed, with 2 when nothing is known under that name.

Example:
  compactor explain pets/import-2026-11-23
  compactor explain pets-1f0c9a2b77de4410`,
    );
  withTarget<[string, { collection?: string }]>(command, async (context, subject, { collection }) => {
    const { target, output } = context;
    const isDelta = collection !== undefined || (subject.includes('/') && !subject.startsWith('arn:'));
    await withProgress(output, `Looking for ${subject}`, async () => {
      const executionArn = isDelta ? undefined : await findExecution(target, subject);
      if (executionArn !== undefined) return tellExecution(context, executionArn);
      const traces = await findDeltas(target, subject, collection);
      if (traces.length === 0) {
        throw new InvalidInputError(
          `Nothing is known of "${subject}": it is no execution, and no delta of any collection. Check the name; a delta ` +
            'that was never accepted is sent again by compactor submit.',
        );
      }
      return tellDeltas(context, traces);
    }).then((tell) => tell());
  });
}

async function tellDeltas({ target, output }: Context, traces: readonly DeltaTrace[]): Promise<() => void> {
  const told = await Promise.all(
    traces.map(async (trace) => {
      const { collection, commit } = trace;
      const lock = await target.ports.locks.readLock(collection);
      const execution = commit === null ? undefined : await findCommitter(target, collection, commit.commitId);
      const isUndecided = trace.inbox !== null && trace.status === null && trace.ledger === null;
      const trouble = isUndecided ? await findTrouble(target, collection) : undefined;
      const told = explainDelta({ trace, lock, now: target.ports.clock.now(), execution, trouble });
      return { ...told, execution, ...trace, ...trouble };
    }),
  );
  return () => {
    const text = told.map(({ collection, deltaId, verdict, story, todo }) =>
      tell(`Delta ${deltaId} of "${collection}": ${verdict}.`, story, todo),
    );
    output.result(told.length === 1 ? (told[0] ?? told) : told, text.join('\n\n'));
    process.exitCode = Math.max(
      ...told.map(({ verdict }) => (verdict === 'unknown' ? EXIT.badInput : (EXIT_OF[verdict] ?? EXIT.ok))),
    );
  };
}

/** Why a delta may be waiting. */
async function findTrouble(target: Target, collection: string): Promise<Trouble> {
  const { pointer } = await readPointer(target.ports, collection);
  const { manifest } = await loadManifest(target.ports, pointer.manifest);
  const { oldest } = await readWaiting(target.ports, collection, manifest);
  return { lastError: await lastError(target, collection, pointer.committedAt), oldest };
}

async function tellExecution({ target, output }: Context, executionArn: string): Promise<() => void> {
  const { sfn } = target;
  const described = await sfn.send(new DescribeExecutionCommand({ executionArn }));
  const events: HistoryEvent[] = [];
  const pages = paginateGetExecutionHistory({ client: sfn }, { executionArn, includeExecutionData: true });
  for await (const page of pages) events.push(...(page.events ?? []));
  const visits = visitsOf(events);
  const { status = 'RUNNING', name = '', error, cause, startDate, stopDate, input } = described;
  const durationMs = (stopDate?.getTime() ?? Date.now()) - (startDate?.getTime() ?? 0);
  const { story, todo } = explainExecution({ status, error, message: messageOf(cause), durationMs, visits });
  const path = visits.map(({ state, failures }) => ({ state, failures }));
  return () => {
    output.result(
      { executionArn, name, status, error, durationMs, input, story, todo, path },
      tell(`Execution ${name}: ${status}, started with ${input}.`, story, todo),
    );
    if (!['SUCCEEDED', 'RUNNING'].includes(status)) process.exitCode = EXIT.refused;
  };
}

function tell(heading: string, story: readonly string[], todo: readonly string[]): string {
  const advice = todo.length === 0 ? ['  Nothing.'] : todo.map((line) => `  ${line}`);
  return [heading, ...story.map((line) => `  ${line}`), 'What to do:', ...advice].join('\n');
}
