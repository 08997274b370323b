/** Invariant 2, by what comes into inboxes and leaves them: nothing goes before it was decided, reported or kept. */
import type { Counts } from './counts.ts';
import { keyOfAside, keyOfDelta, keyOfReport } from './independent/formats.ts';
import { isSetAside } from './independent/rules.ts';
import { orderOf } from './log-truth.ts';
import type { CollectionTruth } from './truth.ts';

interface Named {
  collection: string;
  deltaId: string;
}

export class InboxOracle {
  readonly #truth: (collection: string) => CollectionTruth;
  readonly #counts: Counts;
  readonly #violate: (what: string) => void;
  /** By SHA-256: who put it there. */
  readonly #senders = new Map<string, string>();

  constructor(truth: (collection: string) => CollectionTruth, counts: Counts, violate: (what: string) => void) {
    this.#truth = truth;
    this.#counts = counts;
    this.#violate = violate;
  }

  deltaWritten({ collection, deltaId }: Named, sha256: string, isNew: boolean, by: string): void {
    const truth = this.#truth(collection);
    const before = truth.inbox.get(deltaId);
    if (!isNew && before !== undefined && before !== sha256) truth.overwritten.add(`${deltaId} ${before}`);
    truth.inbox.set(deltaId, sha256);
    truth.arrived.set(deltaId, (truth.arrived.get(deltaId) ?? new Set()).add(sha256));
    this.#senders.set(sha256, by);
  }

  deltaDeleted({ collection, deltaId }: Named, by: string): void {
    const truth = this.#truth(collection);
    const sha256 = truth.inbox.get(deltaId);
    if (sha256 === undefined) return;
    truth.inbox.delete(deltaId);
    const status = truth.statuses.get(deltaId);
    const key = keyOfDelta(collection, deltaId);
    if (this.#isTakenBack(truth, deltaId, sha256, by)) {
      this.#counts.takenBack++;
      truth.overwritten.add(`${deltaId} ${sha256}`);
    } else if (status === undefined) this.#violate(`"${key}" was deleted before its status was written`);
    else if (status.sha256 !== sha256 && !truth.reports.has(keyOfReport(collection, deltaId, sha256))) {
      this.#violate(`"${key}" was deleted with a content that was never decided nor reported`);
    } else if (status.sha256 === sha256 && isSetAside(truth.decided.get(deltaId))) {
      const isKept = truth.aside.has(keyOfAside(collection, deltaId, sha256));
      if (!isKept) this.#violate(`"${key}" was set aside, and deleted before its content was kept`);
    }
  }

  /**
   * A writer that finds its number decided with other content takes back what it put there itself, and nobody was told
   * of it. Whoever else deletes it has to report it.
   */
  #isTakenBack({ decided }: CollectionTruth, deltaId: string, sha256: string, by: string): boolean {
    const decision = decided.get(deltaId);
    const isStale = orderOf(deltaId) !== undefined && decision !== undefined && decision.sha256 !== sha256;
    return isStale && this.#senders.get(sha256) === by;
  }

  asideWritten(
    key: string,
    { collection, deltaId, sha256: named }: Named & { sha256: string },
    sha256: string,
    isNew: boolean,
  ): void {
    const truth = this.#truth(collection);
    const entry = truth.decided.get(deltaId);
    const isRight = entry !== undefined && isSetAside(entry) && entry.sha256 === sha256 && named === sha256;
    if (!isNew || !isRight) this.#violate(`"${key}" is not the content of a delta that a commit set aside`);
    truth.aside.add(key);
    this.#counts.setAside++;
  }

  reportWritten(key: string, report: Named & { sha256?: string }, body: Uint8Array): void {
    const truth = this.#truth(report.collection);
    truth.reports.add(key);
    const entry = truth.decided.get(report.deltaId);
    if (entry === undefined) {
      this.#violate(`"${key}" was written before any commit decided that delta`);
      return;
    }
    const { sha256, version } = JSON.parse(Buffer.from(body).toString('utf8')) as { sha256: string; version?: number };
    const isReuse = report.sha256 !== undefined;
    const agrees = isReuse ? sha256 !== entry.sha256 : sha256 === entry.sha256 && version === entry.version;
    if (!agrees) this.#violate(`"${key}" does not agree with the commit that decided that delta`);
  }
}
