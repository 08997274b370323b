/** What became of a delta, in words, and what to do. */

import type { DeltaReport, DeltaTrace } from '../../lambdas/producer/trace-delta.ts';
import { isClaimLive, type LockItem } from '../../lambdas/protocol/lock.ts';
import { isSetAside } from '../../lambdas/snapshot/aside.ts';
import type { DeltaSource } from '../../lambdas/snapshot/delta-source.ts';
import type { DeltaOutcome, Rejection } from '../../lambdas/snapshot/ledger.ts';
import { REJECTION_CATALOGUE, type RejectionName } from '../../lambdas/snapshot/rejection-catalogue.ts';
import type { LastError } from '../executions-of.ts';
import { bytes } from '../output.ts';
import { age, type OldestDelta } from '../waiting.ts';

export type Verdict = 'applied' | 'applied in part' | 'rejected' | 'set aside' | 'waiting' | 'unreadable' | 'unknown';

export interface DeltaExplanation {
  verdict: Verdict;
  /** What happened, in order. */
  story: string[];
  todo: string[];
}

const SOURCES: Readonly<Record<DeltaSource, string>> = {
  endpoint: "An endpoint wrote it for a client of Chroma's",
  library: 'The library or `compactor submit` made its id',
  producer: 'Its producer chose its id',
};

/** Number of rejections shown; the report has them all. */
const SHOWN = 5;

export interface DeltaContext {
  trace: DeltaTrace;
  lock: LockItem | undefined;
  now: number;
  /** Execution that made the commit, if it could be found. */
  execution: string | undefined;
  /** Of one that waits. */
  trouble?: Trouble | undefined;
}

/** What may be why a delta waits. */
export interface Trouble {
  /** Of the collection's executions. */
  lastError: LastError | null;
  /** The delta of the collection that has waited longest. */
  oldest: OldestDelta | null;
}

export function explainDelta(context: DeltaContext): DeltaExplanation {
  const { verdict, story, todo } = explainFate(context);
  const { source, number } = context.trace;
  // Nothing is known of this delta, and its id is not a number of the log, which would tell where it came from.
  if (verdict === 'unknown' && number === null) return { verdict, story, todo };
  const place = number === null ? '' : `, as number ${number.number} of the collection's log`;
  return { verdict, story: [`${SOURCES[source]}${place}.`, ...story], todo };
}

function explainFate({ trace, lock, now, execution, trouble }: DeltaContext): DeltaExplanation {
  const { collection, deltaId, inbox, status, ledger, commit, reports, aside } = trace;
  const decision = status ?? ledger;
  if (decision === null) return explainUndecided({ trace, lock, now, execution, trouble });
  const { outcome, version, rejectedOperations } = decision;
  const story = [
    `It was ${outcome} in version ${version}` +
      `${commit === null ? ', which is no longer retained' : ` by commit ${commit.commitId}`}` +
      `${execution === undefined ? '.' : `, made by execution ${execution}.`}`,
  ];
  const todo: string[] = [];
  story.push(
    status === null
      ? 'Its status is not written yet: the commit stands, and FinishCompaction, or the next execution, writes it.'
      : 'Its status is written, so that waiters see it.',
  );
  const own = reports.find((report) => report.otherSha256 === null);
  const reasons = own?.rejections ?? ledger?.rejections ?? [];
  const wasSetAside = isSetAside({ rejections: reasons });
  if (rejectedOperations > 0) {
    const rest = outcome === 'applied' ? '; all others were applied' : '; nothing of it was applied';
    story.push(
      `${rejectedOperations} of its operations ${rejectedOperations === 1 ? 'was' : 'were'} rejected${rest}.`,
      ...listRejections(own, ledger?.rejections, rejectedOperations),
    );
    todo.push(...adviceOn(reasons));
    if (!wasSetAside) todo.push('Send corrected operations under a new id.');
  }
  if (wasSetAside) {
    story.push(
      aside === null
        ? 'Its content is not kept any more (or not yet): it was sent again, or given up.'
        : `Its content is kept: ${bytes(aside.size)} at ${aside.key}.`,
    );
    if (aside !== null) todo.push(`compactor aside ${collection} ${deltaId} --retry`);
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
  const verdict = verdictOf(outcome, rejectedOperations, wasSetAside);
  if (status === null) todo.push(`compactor wait ${collection} ${deltaId}`);
  return { verdict, story, todo: [...new Set(todo)] };
}

function verdictOf(outcome: DeltaOutcome, rejectedOperations: number, wasSetAside: boolean): Verdict {
  if (wasSetAside) return 'set aside';
  if (outcome === 'rejected') return 'rejected';
  return rejectedOperations > 0 ? 'applied in part' : 'applied';
}

function explainUndecided({ trace, lock, now, trouble }: DeltaContext): DeltaExplanation {
  const { collection, inbox, number } = trace;
  if (inbox === null && number !== null) return explainNumber(number.isPassed);
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
      story: [arrived, 'It cannot be read. It is skipped, so that it does not hold up other deltas.'],
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
        : 'The collection is not being compacted at the moment.',
      ...troubleInWords(trace, trouble),
    ],
    todo: [
      // Of one that a commit has followed there is nothing left to mend.
      ...(trouble?.lastError && !trouble.lastError.over ? [`compactor explain ${trouble.lastError.execution}`] : []),
      isClaimed ? `compactor wait ${collection} ${trace.deltaId}` : `compactor start ${collection}`,
    ],
  };
}

function troubleInWords({ deltaId }: DeltaTrace, { lastError, oldest }: Partial<Trouble> = {}): string[] {
  const story: string[] = [];
  if (oldest && oldest.deltaId !== deltaId) {
    story.push(`The delta that has waited longest is ${oldest.deltaId}, ${age(oldest.ageSeconds)}.`);
  }
  if (lastError && !lastError.over) {
    const { execution, at, error, message } = lastError;
    story.push(`The last execution that failed, ${execution} at ${at}, ended with ${error}: ${message}`);
  }
  return story;
}

/** Explains a number of the log under which there is no object. */
function explainNumber(isPassed: boolean): DeltaExplanation {
  const decided = 'Its number is decided, so it was applied or rejected; its status has expired.';
  const open = 'Nothing was written under this number yet.';
  const todo = isPassed ? [] : ["Send the request again, by a client of Chroma's: each is a write of its own."];
  return { verdict: 'unknown', story: [isPassed ? decided : open], todo };
}

function listRejections(
  report: DeltaReport | undefined,
  inLedger: readonly Rejection[] | undefined,
  total: number,
): string[] {
  const rejections = report?.rejections ?? inLedger ?? [];
  const shown = rejections.slice(0, SHOWN);
  const lines = shown.map(({ line, id, error, reason }) => {
    const where = line === 0 ? 'the whole delta' : `line ${line}`;
    return `  ${where}${id === undefined ? '' : ` ("${id}")`}: ${error}: ${reason}`;
  });
  const left = total - shown.length;
  const more = left > 0 ? [`  and ${left} more${unlisted(total, rejections.length)}.`] : [];
  return report === undefined ? [...lines, ...more] : [...lines, ...more, `The report is at ${report.key}.`];
}

/** A report lists only the first rejections. */
function unlisted(total: number, named: number): string {
  return named < total ? `, of which the report names those up to number ${named}` : '';
}

function adviceOn(rejections: readonly Rejection[]): string[] {
  const names = [...new Set(rejections.map(({ error }) => error))];
  return names.flatMap((name) => REJECTION_CATALOGUE[name as RejectionName]?.remedy ?? []);
}
