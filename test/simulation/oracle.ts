/**
 * Watches every effect on store and table and knows what must never happen. It sees effects only, never what a step
 * says of itself, and compares them with a truth of its own.
 */
import type { Refusal, StatusTable } from '../../lambdas/ports.ts';
import type { CompactionCommitted } from '../../lambdas/protocol/announcement.ts';
import { type DeltaStatus, sameStatus, statusOf } from '../../lambdas/protocol/ledger.ts';
import { decodePointer, type Pointer } from '../../lambdas/protocol/pointer.ts';
import {
  deltaKey,
  parseDeltaKey,
  parseManifestKey,
  parsePackKey,
  parsePointerKey,
  parseRejectionKey,
  rejectionKey,
} from '../../lambdas/snapshot/keys.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import type { Counts } from './counts.ts';
import { commitFaults, fenceFaults, type Publication } from './oracle-commit.ts';
import { lockFaults } from './oracle-lock.ts';
import type { LockChange, TableObserver } from './table.ts';
import type { CollectionTruth, Content } from './truth.ts';

export class Oracle implements TableObserver {
  readonly truths = new Map<string, CollectionTruth>();
  /** By SHA-256. */
  readonly contents = new Map<string, Content>();
  readonly violations: string[] = [];
  /** By who rolls back: to which version. */
  readonly rollbacks = new Map<string, number>();
  /** Called for every object that appears in an inbox: the store's notification. */
  onDelta: (collection: string, deltaId: string) => void = () => {};
  readonly #store: MemoryStore;
  readonly #counts: Counts;
  readonly #lookFor: RegExp;

  /** @param lookFor Take no other violation for one. */
  constructor(store: MemoryStore, counts: Counts, lookFor: RegExp = /^/) {
    this.#store = store;
    this.#counts = counts;
    this.#lookFor = lookFor;
  }

  /** A conditional write lost its condition. */
  lost(key: string): void {
    if (parsePointerKey(key) !== undefined) this.#counts.conflicts++;
  }

  violate(what: string): void {
    if (this.#lookFor.test(what)) this.violations.push(what);
  }

  truth(collection: string): CollectionTruth {
    const truth = this.truths.get(collection);
    if (truth === undefined) throw new Error(`The oracle knows no collection "${collection}".`);
    return truth;
  }

  /** After a write has taken effect. */
  async written(key: string, body: Uint8Array, sha256: string, isNew: boolean): Promise<void> {
    const pointer = parsePointerKey(key);
    if (pointer !== undefined) return this.#pointerWritten(key, pointer.collection, body);
    const delta = parseDeltaKey(key);
    if (delta !== undefined) return this.#deltaWritten(delta, sha256, isNew);
    const report = parseRejectionKey(key);
    if (report !== undefined) this.#reportWritten(key, report, body);
    else if (!isNew) this.violate(`"${key}" is immutable and was written over`);
  }

  /** After a delete has taken effect. */
  deleted(key: string): void {
    const delta = parseDeltaKey(key);
    if (delta !== undefined) {
      this.#deltaDeleted(delta);
      return;
    }
    const collection = (parseManifestKey(key) ?? parsePackKey(key))?.collection;
    if (collection === undefined) {
      this.violate(`"${key}" was deleted, which nobody may`);
      return;
    }
    this.#counts.collectedObjects++;
    if (this.truth(collection).reachable().has(key))
      this.violate(`"${key}" was deleted although a retained version needs it`);
  }

  lockChanged(change: LockChange): void {
    for (const fault of lockFaults(change)) this.violate(`LOCK of "${change.collection}": ${fault}`);
  }

  statusWritten(collection: string, deltaId: string, status: DeltaStatus): void {
    const truth = this.truth(collection);
    const entry = truth.decided.get(deltaId);
    truth.statuses.set(deltaId, status);
    if (entry === undefined) {
      this.violate(`delta ${deltaId} has the status ${status.outcome}, but no commit decided it`);
      return;
    }
    if (!truth.announced.has(deltaId)) this.violate(`the status of ${deltaId} was written before any event told of it`);
    if (!sameStatus(statusOf(entry), status)) {
      this.violate(
        `the status of delta ${deltaId} is ${JSON.stringify(status)}, its commit says ${JSON.stringify(statusOf(entry))}`,
      );
    }
  }

  statusRefused(_collection: string, deltaId: string, standing: DeltaStatus, status: DeltaStatus): void {
    this.violate(
      `a second status ${JSON.stringify(status)} was to be written for ${deltaId}: ${JSON.stringify(standing)}`,
    );
  }

  /** Events went out: none may tell of what no commit decided, or otherwise than it did. */
  announced(announcements: readonly CompactionCommitted[]): Refusal[] {
    for (const { collection, version, current, deltas } of announcements) {
      const truth = this.truth(collection);
      this.#counts.announcements++;
      if (truth.pointer.version < current.version) this.violate(`version ${current.version} was announced too early`);
      for (const delta of deltas) {
        const entry = truth.decided.get(delta.deltaId);
        truth.announced.add(delta.deltaId);
        if (entry === undefined) this.violate(`an event tells of ${delta.deltaId}, which no commit decided`);
        else if (!sameStatus(statusOf(entry), { version, ...delta })) {
          this.violate(
            `an event tells of ${delta.deltaId} ${JSON.stringify(delta)}, its commit ${JSON.stringify(entry)}`,
          );
        }
      }
    }
    return [];
  }

  /** A waiter was told this. */
  answered(collection: string, deltaId: string, sha256: string, answer: DeltaStatus | 'other-content'): void {
    const entry = this.truth(collection).decided.get(deltaId);
    if (entry === undefined) {
      this.violate(`the waiter of ${deltaId} got an answer before any commit`);
      return;
    }
    const truth = entry.sha256 === sha256 ? entry.outcome : 'other-content';
    const given = answer === 'other-content' ? answer : answer.outcome;
    if (given !== truth) this.violate(`the waiter of ${deltaId} was told ${given}, the truth is ${truth}`);
  }

  /** All statuses by the table's own word, which a planted bug may bend. */
  async compareStatuses(table: StatusTable): Promise<void> {
    for (const truth of this.truths.values()) {
      const statuses = await table.getStatuses(truth.collection, [...truth.decided.keys()]);
      for (const [deltaId, entry] of truth.decided) {
        const status = statuses.get(deltaId);
        if (status === undefined) this.violate(`delta ${deltaId} was decided and has no status`);
        else if (!sameStatus(status, statusOf(entry))) this.violate(`the status of ${deltaId} changed`);
      }
    }
  }

  async #pointerWritten(key: string, collection: string, body: Uint8Array): Promise<void> {
    const truth = this.truth(collection);
    const next: Pointer = decodePointer(key, collection, body);
    const base = truth.pointer;
    if (next.version === base.version && next.commitId === base.commitId) {
      for (const fault of fenceFaults(base, next)) this.violate(`fence of "${collection}": ${fault}`);
      truth.pointer = next;
      this.#counts.fences++;
      return;
    }
    const restored = this.rollbacks.get(next.execution);
    if (restored !== undefined) this.#counts.rollbacks++;
    const publication: Publication = { store: this.#store, truth, contents: this.contents, next, restored };
    for (const fault of await commitFaults(publication)) {
      this.violate(`version ${next.version} of "${collection}" (${next.commitId}): ${fault}`);
    }
    truth.pointer = next;
    this.#counts.commits++;
  }

  #deltaWritten(
    { collection, deltaId }: { collection: string; deltaId: string },
    sha256: string,
    isNew: boolean,
  ): void {
    const truth = this.truth(collection);
    const before = truth.inbox.get(deltaId);
    if (!isNew && before !== undefined && before !== sha256) truth.overwritten.add(`${deltaId} ${before}`);
    truth.inbox.set(deltaId, sha256);
    truth.arrived.set(deltaId, (truth.arrived.get(deltaId) ?? new Set()).add(sha256));
    this.onDelta(collection, deltaId);
  }

  #deltaDeleted({ collection, deltaId }: { collection: string; deltaId: string }): void {
    const truth = this.truth(collection);
    const sha256 = truth.inbox.get(deltaId);
    if (sha256 === undefined) return;
    truth.inbox.delete(deltaId);
    const status = truth.statuses.get(deltaId);
    const key = deltaKey(collection, deltaId);
    if (status === undefined) this.violate(`"${key}" was deleted before its status was written`);
    else if (status.sha256 !== sha256 && !truth.reports.has(rejectionKey(collection, deltaId, sha256))) {
      this.violate(`"${key}" was deleted with a content that was never decided nor reported`);
    }
  }

  #reportWritten(
    key: string,
    report: { collection: string; deltaId: string; sha256?: string },
    body: Uint8Array,
  ): void {
    const truth = this.truth(report.collection);
    truth.reports.add(key);
    const entry = truth.decided.get(report.deltaId);
    if (entry === undefined) {
      this.violate(`"${key}" was written before any commit decided that delta`);
      return;
    }
    const { sha256, version } = JSON.parse(Buffer.from(body).toString('utf8')) as { sha256: string; version?: number };
    const isReuse = report.sha256 !== undefined;
    const agrees = isReuse ? sha256 !== entry.sha256 : sha256 === entry.sha256 && version === entry.version;
    if (!agrees) this.violate(`"${key}" does not agree with the commit that decided that delta`);
  }
}
