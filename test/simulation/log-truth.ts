/**
 * What is true of one collection's log: which writes clients have begun and heard of, where commits have put them, and what
 * readers have seen. Kept apart from the product: it knows of writes, commits and reads, and of no numbers but those in ids.
 */

import type { LedgerEntry, StoredManifest } from './independent/formats.ts';
import { isSetAside } from './independent/rules.ts';
import { applyContents, type CollectionTruth, type Content, difference, type Records } from './truth.ts';

/** What a reader was shown: what the answer says that it reflects, what it holds, and what its server knows. */
export interface View {
  /** `undefined`: nothing was ever written. */
  version: number | undefined;
  /** Deltas on top of it, in order. */
  waiting: ReadonlyArray<{ deltaId: string; etag: string }>;
  records: Records;
  /** Writes that were replayed on the copy when it answered, in order. */
  replayed: readonly number[];
  /** The copy was changed between the question and its answer. */
  isChanged: boolean;
}

/** What must be in a read that begins now. */
export interface ReadFloor {
  /** Writes of endpoints that were acknowledged, or that a read has shown. */
  writes: ReadonlySet<number>;
  /** Deltas that producers were told of, as they stood in the inbox: id and SHA-256. */
  sent: ReadonlySet<string>;
  /** The highest number that any read has shown. */
  shown: number;
}

/** Contents by the ETag that they got, and by SHA-256. */
export interface Contents {
  by(etag: string): string;
  all: ReadonlyMap<string, Content>;
}

const NUMBERED = /^0{10}[0-9A-HJKMNP-TV-Z]{16}$/;

/** Ids of the log in their order; `undefined`: it is another's. */
export function orderOf(deltaId: string): number | undefined {
  if (!NUMBERED.test(deltaId)) return undefined;
  const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  return [...deltaId].reduce((sum, digit) => sum * 32 + digits.indexOf(digit), 0);
}

export class LogTruth {
  /** By write: those that were acknowledged before it began. */
  readonly #before = new Map<number, ReadonlySet<number>>();
  readonly #acknowledged = new Set<number>();
  /** Writes of which a client was told that nothing was written. */
  readonly #refused = new Set<number>();
  /** Writes that a read has shown. */
  readonly #seen = new Set<number>();
  /** `<id> <sha256>` of what producers were told is in the inbox. */
  readonly #sent = new Set<string>();
  /** Writes in the order of their commits. */
  readonly #applied = new Set<number>();
  /** Of deltas that were set aside: never applied, and kept. */
  readonly #setAside = new Set<number>();
  /** SHA-256 by number, as a read has shown it. */
  readonly #shown = new Map<number, string>();
  #highestShown = 0;
  /** The highest number decided, by version. */
  readonly #marks = new Map<number, number>();
  readonly #violate: (what: string) => void;

  constructor(violate: (what: string) => void) {
    this.#violate = violate;
  }

  begun(write: number): void {
    this.#before.set(write, new Set(this.#acknowledged));
  }

  /** @param isDelete Of what nobody has written to, nothing is deleted, and nothing need be logged. */
  acknowledged(write: number, isDelete: boolean): void {
    const isFirst = this.#before.get(write)?.size === 0;
    if (isDelete && isFirst && !this.#logged.has(write)) this.#refused.add(write);
    else this.#acknowledged.add(write);
  }

  refused(write: number): void {
    this.#refused.add(write);
  }

  sent(deltaId: string, sha256: string): void {
    this.#sent.add(`${deltaId} ${sha256}`);
  }

  /** A commit, by its newly decided deltas in order, has been judged otherwise. */
  committed(base: StoredManifest, next: StoredManifest, contents: ReadonlyMap<string, Content>): void {
    const mark = this.#continue(base, next);
    this.#marks.set(next.version, mark);
    for (const entry of next.ledger.filter(({ version }) => version === next.version)) {
      const shown = this.#shown.get(orderOf(entry.deltaId) ?? 0);
      if (shown !== undefined && shown !== entry.sha256) {
        this.#violate(`${entry.deltaId} was shown with other content than it is decided with`);
      }
      for (const write of contents.get(entry.sha256)?.writes ?? []) this.#place(write, entry);
    }
  }

  /** The log goes on number by number, before all else; returns its new end. */
  #continue(base: StoredManifest, next: StoredManifest): number {
    const before = base.numbered ?? 0;
    let last = before;
    let isPast = false;
    for (const { deltaId } of next.ledger.filter(({ version }) => version === next.version)) {
      const number = orderOf(deltaId);
      if (number === undefined) isPast = true;
      else if (isPast || number !== last + 1)
        this.#violate(`version ${next.version} decides number ${number} after ${last}`);
      if (number !== undefined) last = number;
    }
    if ((next.numbered ?? 0) !== last) {
      this.#violate(`version ${next.version} says that ${next.numbered} numbers are decided, not ${last}`);
    }
    return last;
  }

  #place(write: number, entry: LedgerEntry): void {
    if (this.#applied.has(write)) this.#violate(`write ${write} is applied twice`);
    if (this.#refused.has(write)) this.#violate(`write ${write} is applied, which was refused`);
    if (isSetAside(entry)) this.#setAside.add(write);
    const missed = [...(this.#before.get(write) ?? [])].find(
      (one) => !this.#applied.has(one) && !this.#setAside.has(one),
    );
    if (missed !== undefined) {
      this.#violate(`write ${write} is applied before write ${missed}, which was acknowledged before it began`);
    }
    this.#applied.add(write);
  }

  readBegun(): ReadFloor {
    const writes = new Set([...this.#acknowledged, ...this.#seen]);
    return { writes, sent: new Set(this.#sent), shown: this.#highestShown };
  }

  /** What a reader was given, who asked when the floor was taken. */
  shown(truth: CollectionTruth | undefined, view: View, floor: ReadFloor, contents: Contents): void {
    const { version = -1, waiting, records } = view;
    const base = truth?.versions.get(version);
    if (truth === undefined || base === undefined) {
      this.#judgeEmpty(view, floor);
      return;
    }
    const shas = waiting.map(({ etag }) => contents.by(etag));
    const known = shas.map((sha256) => contents.all.get(sha256)).filter((content) => content !== undefined);
    if (known.length < shas.length) {
      this.#violate(`a read on version ${version} shows a content that nobody sent`);
      return;
    }
    const wrong = difference(applyContents(base.records, known).records, records);
    // What was applied while the question was on its way may show, and is judged by what the server says of it.
    if (wrong !== undefined && !view.isChanged)
      this.#violate(`a read on version ${version} and ${waiting.length} deltas is wrong: ${wrong}`);
    this.#judgeReplayed(view, known);
    this.#judgeOrder(version, waiting, shas);
    const deltas = waiting.map(({ deltaId }, n) => `${deltaId} ${shas[n]}`);
    const shown = [...known.flatMap(({ writes = [] }) => writes), ...view.replayed];
    this.#judgeWhole(truth, version, shown, floor, deltas);
    this.#judgeNumbers(version, waiting, floor);
    for (const write of shown) this.#seen.add(write);
  }

  /** At `index_only`: one committed version, no older than a second. */
  shownWithoutLog(truth: CollectionTruth | undefined, { version = -1, records, replayed }: View, oldest: number): void {
    if (version < oldest)
      this.#violate(`a read at index_only shows version ${version}, and ${oldest} was there long before`);
    const expected = truth?.versions.get(version)?.records ?? new Map();
    const wrong = difference(expected, records);
    if (wrong !== undefined) this.#violate(`a read at index_only on version ${version} is wrong: ${wrong}`);
    if (replayed.length > 0) this.#violate(`a read at index_only shows what waits on version ${version}`);
  }

  #judgeEmpty({ version, records, replayed }: View, { writes }: ReadFloor): void {
    if (version !== undefined) this.#violate(`a read shows version ${version}, which nobody committed`);
    const [write] = writes;
    if (write !== undefined)
      this.#violate(`a read shows nothing, and does not show write ${write}, acknowledged before it`);
    if (records.size + replayed.length > 0) this.#violate('a read of what nobody has written to shows records');
  }

  /** On one copy each write is applied once, and in the order that the answer says. */
  #judgeReplayed({ replayed, isChanged, waiting, version }: View, known: readonly Content[]): void {
    const on = `a read on version ${version} and ${waiting.length} deltas`;
    const twice = replayed.find((write, n) => replayed.indexOf(write) < n);
    if (twice !== undefined) this.#violate(`${on}: write ${twice} is applied twice to the copy`);
    const stated = known.flatMap(({ writes = [] }) => writes);
    const isRight =
      stated.every((write, n) => replayed[n] === write) && (isChanged || replayed.length === stated.length);
    if (!isRight) this.#violate(`${on}: writes ${stated} are stated, and ${replayed} were applied to the copy`);
    const refused = replayed.find((write) => this.#refused.has(write));
    if (refused !== undefined) this.#violate(`${on} shows write ${refused}, which was refused`);
  }

  /** What a merge decides later must be what was shown. */
  #judgeOrder(version: number, waiting: View['waiting'], shas: readonly string[]): void {
    let last = this.#marks.get(version) ?? 0;
    let isPast = false;
    for (const [n, { deltaId }] of waiting.entries()) {
      const number = orderOf(deltaId);
      if (number === undefined) isPast = true;
      else {
        if (isPast || number !== last + 1)
          this.#violate(`a read on version ${version} shows number ${number} after ${last}`);
        last = number;
        const before = this.#shown.get(number) ?? shas[n];
        if (before !== shas[n]) this.#violate(`number ${number} is shown with two contents`);
        this.#shown.set(number, shas[n] ?? '');
      }
    }
  }

  #judgeWhole(
    truth: CollectionTruth,
    version: number,
    waiting: readonly number[],
    { writes, sent }: ReadFloor,
    deltas: readonly string[],
  ): void {
    const seen = new Set(waiting);
    const decided = [...truth.decided.values()].filter((entry) => entry.version <= version);
    for (const { sha256 } of decided) for (const write of this.#writesOf(sha256)) seen.add(write);
    const lost = [...writes].find((write) => !seen.has(write));
    if (lost !== undefined)
      this.#violate(`a read on version ${version} does not show write ${lost}, acknowledged or shown before it`);
    const shown = new Set(deltas.map((one) => one.split(' ')[0]));
    const missing = [...sent].find((one) => {
      const deltaId = one.split(' ')[0] ?? '';
      return !shown.has(deltaId) && (truth.decided.get(deltaId)?.version ?? Number.POSITIVE_INFINITY) > version;
    });
    if (missing !== undefined) this.#violate(`a read on version ${version} does not show ${missing}, sent before it`);
  }

  /** Reads never go back. */
  #judgeNumbers(version: number, waiting: View['waiting'], { shown }: ReadFloor): void {
    const numbers = waiting.map(({ deltaId }) => orderOf(deltaId) ?? 0);
    const highest = Math.max(this.#marks.get(version) ?? 0, ...numbers);
    if (highest < shown) this.#violate(`a read shows ${highest} numbers, and one before it had shown ${shown}`);
    this.#highestShown = Math.max(this.#highestShown, highest);
  }

  readonly #contents = new Map<string, readonly number[]>();
  readonly #logged = new Set<number>();
  /** A delta of an endpoint came into the inbox: of writes to this collection, and to no other. */
  arrived({ sha256, writes = [] }: Content): void {
    this.#contents.set(sha256, writes);
    for (const write of writes) this.#logged.add(write);
    const stray = writes.find((write) => !this.#before.has(write));
    if (stray !== undefined) this.#violate(`write ${stray} is in the log of a collection that it was not sent to`);
  }

  #writesOf(sha256: string): readonly number[] {
    return this.#contents.get(sha256) ?? [];
  }

  /** When all is quiet: what was acknowledged is there. */
  judgeEnd(collection: string): void {
    for (const write of new Set([...this.#acknowledged, ...this.#seen])) {
      if (!this.#applied.has(write)) this.#violate(`write ${write} of "${collection}" was acknowledged, and is lost`);
    }
  }
}
