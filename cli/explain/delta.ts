/** What became of a delta, in words, and what to do. */
import type { Rejection } from '../../lambdas/protocol/ledger.ts';
import { isClaimLive, type LockItem } from '../../lambdas/protocol/lock.ts';
import { REJECTION_CATALOGUE, type RejectionName } from '../../lambdas/snapshot/rejection-catalogue.ts';
import type { DeltaReport, DeltaTrace } from '../../lambdas/steps/trace-delta.ts';
import { bytes } from '../output.ts';

export type Verdict = 'applied' | 'applied in part' | 'rejected' | 'waiting' | 'unreadable' | 'unknown';

export interface DeltaExplanation {
  verdict: Verdict;
  /** What happened, in order. */
  story: string[];
  todo: string[];
}

/** Rejections shown; the report has them all. */
const SHOWN = 5;

export interface DeltaContext {
  trace: DeltaTrace;
  lock: LockItem | undefined;
  now: number;
  /** Execution that made the commit, where it could be found. */
  execution: string | undefined;
}

export function explainDelta({ trace, lock, now, execution }: DeltaContext): DeltaExplanation {
  const { collection, deltaId, inbox, status, ledger, commit, reports } = trace;
  const decision = status ?? ledger;
  if (decision === null) return explainUndecided({ trace, lock, now, execution });
  const { outcome, version, rejectedOperations } = decision;
  const story = [
    `It was ${outcome} in version ${version}` +
      `${commit === null ? ', which is no longer retained' : ` by commit ${commit.commitId}`}` +
      `${execution === undefined ? '.' : `, made by execution ${execution}.`}`,
  ];
  const todo: string[] = [];
  story.push(
    status === null
      ? 'Its status is not written yet: the commit stands, and FinishCompaction, or whoever comes next, writes it.'
      : 'Its status is written, so that whoever waits for it knows.',
  );
  const own = reports.find((report) => report.otherSha256 === null);
  if (rejectedOperations > 0) {
    const rest = outcome === 'applied' ? '; all others were applied' : '; nothing of it was applied';
    story.push(
      `${rejectedOperations} of its operations ${rejectedOperations === 1 ? 'was' : 'were'} rejected${rest}.`,
      ...listRejections(own, ledger?.rejections),
    );
    todo.push(...adviceOn(own?.rejections ?? ledger?.rejections ?? []), 'Send corrected operations under a new id.');
  }
  if (inbox !== null && inbox.sha256 === decision.sha256) {
    story.push(
      'The same content lies in the inbox once more: a duplicate, or not tidied up yet. It will not be applied again.',
    );
  } else if (inbox !== null) {
    story.push('Other content lies in the inbox under the same id. It will not be applied, but reported and removed.');
    todo.push('Send the other content under a new id.');
  }
  for (const report of reports.filter(({ otherSha256 }) => otherSha256 !== null)) {
    story.push(`Other content (SHA-256 ${report.otherSha256}) was sent under this id and not applied: ${report.key}.`);
    todo.push('Send that content under a new id: an id means one content.');
  }
  const verdict = outcome === 'rejected' ? 'rejected' : rejectedOperations > 0 ? 'applied in part' : 'applied';
  if (status === null) todo.push(`compactor wait ${collection} ${deltaId}`);
  return { verdict, story, todo: [...new Set(todo)] };
}

function explainUndecided({ trace, lock, now }: DeltaContext): DeltaExplanation {
  const { collection, inbox } = trace;
  if (inbox === null) {
    return {
      verdict: 'unknown',
      story: ['It is not in the inbox, in no ledger, and has no status: it never arrived, or its status has expired.'],
      todo: [
        `Send it: compactor submit ${collection} <file> --delta-id ${trace.deltaId}. If it was sent before, it counts once.`,
      ],
    };
  }
  const age = Math.max(0, Math.round((now - inbox.arrivedAt) / 1_000));
  const arrived = `It lies in the inbox since ${new Date(inbox.arrivedAt).toISOString()} (${age} s), ${bytes(inbox.size)}, and is not decided yet.`;
  if (inbox.sha256 === 'unreadable') {
    return {
      verdict: 'unreadable',
      story: [arrived, 'It cannot be read. It is passed over, so that it stops nobody else.'],
      todo: ['Make it readable (encryption key, owner), or delete it and send it again.'],
    };
  }
  const isClaimed = isClaimLive(lock, now);
  return {
    verdict: 'waiting',
    story: [
      arrived,
      isClaimed
        ? `Execution ${lock?.claimOwner} is compacting the collection, and looks at the inbox again before it lets go.`
        : 'Nobody is compacting the collection at the moment.',
    ],
    todo: [isClaimed ? `compactor wait ${collection} ${trace.deltaId}` : `compactor start ${collection}`],
  };
}

function listRejections(report: DeltaReport | undefined, inLedger: readonly Rejection[] | undefined): string[] {
  const rejections = report?.rejections ?? inLedger ?? [];
  const lines = rejections.slice(0, SHOWN).map(({ line, id, error, reason }) => {
    const where = line === 0 ? 'the whole delta' : `line ${line}`;
    return `  ${where}${id === undefined ? '' : ` ("${id}")`}: ${error}: ${reason}`;
  });
  return report === undefined ? lines : [...lines, `The report is at ${report.key}.`];
}

function adviceOn(rejections: readonly Rejection[]): string[] {
  const names = [...new Set(rejections.map(({ error }) => error))];
  return names.flatMap((name) => REJECTION_CATALOGUE[name as RejectionName]?.remedy ?? []);
}
