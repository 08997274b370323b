/**
 * Watches every effect on store and table and knows what must never happen. It sees effects only, never what a step
 * says of itself, and compares them with a truth of its own.
 */
import type { Refusal, StatusTable } from '../../lambdas/ports.ts';
import type { CompactionCommitted } from '../../lambdas/protocol/announcement.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import type { Counts } from './counts.ts';
import { asStatus, type DeltaStatus, kindOf, type Pointer, readStoredPointer } from './independent/formats.ts';
import { LogTruth, type ReadFloor, type View } from './log-truth.ts';
import { endpointContent } from './log-writes.ts';
import { NamesTruth } from './names-truth.ts';
import { commitFaults, creationFaults, fenceFaults, type Publication } from './oracle-commit.ts';
import { InboxOracle } from './oracle-inbox.ts';
import { lockFaults } from './oracle-lock.ts';
import { type Promised, retentionFaults } from './oracle-retention.ts';
import { UnreachedOracle } from './oracle-unreached.ts';
import type { LockChange, TableObserver } from './table.ts';
import { CollectionTruth, type Content, type Records } from './truth.ts';

export class Oracle implements TableObserver {
  readonly truths = new Map<string, CollectionTruth>();
  /** By SHA-256. */
  readonly contents = new Map<string, Content>();
  readonly violations: string[] = [];
  readonly names = new NamesTruth((what) => this.violate(what));
  readonly unreached = new UnreachedOracle();
  readonly #inbox: InboxOracle;
  readonly #logs = new Map<string, LogTruth>();
  /** SHA-256 of what was written, by the ETag that it got. */
  readonly #byEtag = new Map<string, string>();
  /** By who rolls back: to which version. */
  readonly rollbacks = new Map<string, number>();
  /** By who imports: what the collection then holds. */
  readonly imports = new Map<string, Records>();
  /** Called for every object that appears in an inbox: the store's notification. */
  onDelta: (collection: string, deltaId: string) => void = () => {};
  /** Called after a commit of an execution. */
  onCommit: (collection: string) => void = () => {};
  readonly #store: MemoryStore;
  readonly #counts: Counts;
  readonly #lookFor: RegExp;

  readonly #promised: Promised;
  readonly #now: () => number;

  /** @param lookFor Take no other violation for one. */
  constructor(store: MemoryStore, counts: Counts, promised: Promised, now: () => number, lookFor: RegExp = /^/) {
    this.#promised = promised;
    this.#now = now;
    this.#store = store;
    this.#counts = counts;
    this.#lookFor = lookFor;
    this.#inbox = new InboxOracle(
      (collection) => this.truth(collection),
      counts,
      (what) => this.violate(what),
    );
  }

  /** A conditional write lost its condition. */
  lost(key: string): void {
    if (kindOf(key).kind === 'pointer') this.#counts.conflicts++;
  }

  violate(what: string): void {
    if (this.#lookFor.test(what)) this.violations.push(what);
  }

  truth(collection: string): CollectionTruth {
    const truth = this.truths.get(collection);
    if (truth === undefined) throw new Error(`The oracle knows no collection "${collection}".`);
    return truth;
  }

  log(collection: string): LogTruth {
    const log = this.#logs.get(collection) ?? new LogTruth((what) => this.violate(what));
    this.#logs.set(collection, log);
    return log;
  }

  /** A client of an endpoint was given this, who asked when the floor was taken. */
  shown(collection: string, view: View, floor: ReadFloor): void {
    if (this.unreached.isTaken(collection)) return;
    const by = (etag: string) => this.#byEtag.get(etag) ?? '';
    this.log(collection).shown(this.truths.get(collection), view, floor, { by, all: this.contents });
  }

  /** After a write has taken effect. @param by Who sent it. */
  async written(
    key: string,
    body: Uint8Array,
    sha256: string,
    isNew: boolean,
    etag: string,
    by: string,
  ): Promise<void> {
    const found = kindOf(key);
    this.#byEtag.set(etag, sha256);
    if (found.kind === 'note') return this.unreached.noted(found.collection, this.#now());
    if ('collection' in found && this.unreached.isTaken(found.collection)) return;
    if (found.kind === 'pointer') await this.#pointerWritten(key, found.collection, body);
    else if (found.kind === 'delta') {
      const content = endpointContent(body);
      if (content !== undefined) {
        this.contents.set(sha256, content);
        this.log(found.collection).arrived(content);
      }
      this.#inbox.deltaWritten(found, sha256, isNew, by);
      this.onDelta(found.collection, found.deltaId);
    } else if (found.kind === 'aside') this.#inbox.asideWritten(key, found, sha256, isNew);
    else if (found.kind === 'report') this.#inbox.reportWritten(key, found, body);
    else if (found.kind === 'record') this.names.recordWritten(found.id, body);
    else if (found.kind === 'entry') this.names.entryWritten(body);
    else if (!isNew && found.kind !== 'probe') this.violate(`"${key}" is immutable and was written over`);
  }

  /** After a delete has taken effect. */
  deleted(key: string, by: string): void {
    const found = kindOf(key);
    if (found.kind === 'note') this.unreached.noteDeleted(found.collection);
    else if (found.kind === 'pointer') this.#taken(found.collection);
    else if ('collection' in found && this.unreached.isTaken(found.collection)) this.#counts.collectedObjects++;
    else if (found.kind === 'delta') this.#inbox.deltaDeleted(found, by);
    else if (found.kind === 'record') this.names.recordDeleted(found.id);
    else if (found.kind === 'entry') this.names.entryDeleted(found.path);
    else if (found.kind === 'manifest' || found.kind === 'pack') this.#collected(key, found.collection);
    else if (found.kind !== 'probe') this.violate(`"${key}" was deleted, which nobody may`);
  }

  #taken(collection: string): void {
    const { retainMs } = this.#promised;
    const faults = this.unreached.taken(collection, this.names.isNamed(collection), retainMs, this.#now());
    for (const fault of faults) this.violate(fault);
    this.truths.delete(collection);
    this.#counts.takenCollections++;
  }

  #collected(key: string, collection: string): void {
    this.#counts.collectedObjects++;
    // Its creation ended before it had a pointer.
    if (!this.truths.has(collection)) this.#taken(collection);
    else if (this.truth(collection).reachable().has(key))
      this.violate(`"${key}" was deleted although a retained version needs it`);
  }

  /** An invocation of MergeDeltas came to nothing. */
  mergeFailed(collection: string, execution: string): void {
    if (this.unreached.isTaken(collection)) return;
    const { failedMerges } = this.truth(collection);
    failedMerges.set(execution, (failedMerges.get(execution) ?? 0) + 1);
  }

  lockChanged(change: LockChange): void {
    for (const fault of lockFaults(change)) this.violate(`LOCK of "${change.collection}": ${fault}`);
  }

  statusWritten(collection: string, deltaId: string, status: DeltaStatus): void {
    if (this.unreached.isTaken(collection)) return;
    const truth = this.truth(collection);
    const entry = truth.decided.get(deltaId);
    truth.statuses.set(deltaId, status);
    if (entry === undefined) {
      this.violate(`delta ${deltaId} has the status ${status.outcome}, but no commit decided it`);
      return;
    }
    if (!truth.announced.has(deltaId)) this.violate(`the status of ${deltaId} was written before any event told of it`);
    if (asStatus(entry) !== asStatus(status)) {
      this.violate(`the status of delta ${deltaId} is ${asStatus(status)}, its commit says ${asStatus(entry)}`);
    }
  }

  collectionForgotten(collection: string): void {
    if (this.truths.has(collection)) this.violate(`the items of "${collection}" are deleted, and its pointer is there`);
  }

  statusRefused(_collection: string, deltaId: string, standing: DeltaStatus, status: DeltaStatus): void {
    this.violate(
      `a second status ${JSON.stringify(status)} was to be written for ${deltaId}: ${JSON.stringify(standing)}`,
    );
  }

  /** Events went out: none may tell of what no commit decided, or otherwise than it did. */
  announced(announcements: readonly CompactionCommitted[]): Refusal[] {
    for (const { collection, version, current, deltas } of announcements) {
      if (this.unreached.isTaken(collection)) continue;
      const truth = this.truth(collection);
      this.#counts.announcements++;
      if (truth.pointer.version < current.version) this.violate(`version ${current.version} was announced too early`);
      for (const delta of deltas) {
        const entry = truth.decided.get(delta.deltaId);
        truth.announced.add(delta.deltaId);
        if (entry === undefined) this.violate(`an event tells of ${delta.deltaId}, which no commit decided`);
        else if (asStatus(entry) !== asStatus({ ...delta, version })) {
          this.violate(
            `an event tells of ${delta.deltaId} ${JSON.stringify(delta)}, its commit ${JSON.stringify(entry)}`,
          );
        }
      }
    }
    return [];
  }

  /** A producer was told that its content is in the inbox. */
  sent(collection: string, deltaId: string, sha256: string): void {
    if (this.unreached.isTaken(collection)) return;
    const hasArrived = this.truth(collection).arrived.get(deltaId)?.has(sha256) === true;
    if (!hasArrived) this.violate(`the producer of ${deltaId} was told "sent", and its content never arrived`);
    this.log(collection).sent(deltaId, sha256);
  }

  /** A waiter was told this. */
  answered(collection: string, deltaId: string, sha256: string, answer: DeltaStatus | 'other-content'): void {
    if (this.unreached.isTaken(collection)) return;
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
        else if (asStatus(status) !== asStatus(entry)) this.violate(`the status of ${deltaId} changed`);
      }
    }
  }

  async #pointerWritten(key: string, collection: string, body: Uint8Array): Promise<void> {
    const next = this.#readPointer(key, collection, body);
    if (next === undefined) return;
    if (!this.truths.has(collection)) return this.#created(next);
    const truth = this.truth(collection);
    const base = truth.pointer;
    if (next.version === base.version && next.commitId === base.commitId) {
      const retention = retentionFaults(truth, next, this.#promised, this.#now());
      for (const fault of [...fenceFaults(base, next), ...retention])
        this.violate(`fence of "${collection}": ${fault}`);
      truth.pointer = next;
      this.#counts.fences++;
      return;
    }
    const restored = this.rollbacks.get(next.execution);
    if (restored !== undefined) this.#counts.rollbacks++;
    const imported = this.imports.get(next.execution);
    const before = truth.versions.get(base.version)?.manifest;
    const publication: Publication = { store: this.#store, truth, contents: this.contents, next, restored, imported };
    for (const fault of await commitFaults(publication)) {
      this.violate(`version ${next.version} of "${collection}" (${next.commitId}): ${fault}`);
    }
    truth.pointer = next;
    const now = truth.versions.get(next.version);
    if (now !== undefined) now.since = this.#now();
    if (before !== undefined && now !== undefined) this.log(collection).committed(before, now.manifest, this.contents);
    this.#counts.commits++;
    if (restored === undefined && imported === undefined) this.onCommit(collection);
  }

  async #created(pointer: Pointer): Promise<void> {
    const truth = new CollectionTruth(pointer);
    const faults = await creationFaults(this.#store, truth);
    for (const fault of faults) this.violate(`"${pointer.collection}" is created, and ${fault}`);
    truth.current().since = this.#now();
    this.truths.set(pointer.collection, truth);
    this.names.hasStored(pointer.collection);
  }

  #readPointer(key: string, collection: string, body: Uint8Array): Pointer | undefined {
    try {
      return readStoredPointer(collection, body);
    } catch (error) {
      this.violate(`"${key}" was written, and ${(error as Error).message}`);
      return undefined;
    }
  }
}
