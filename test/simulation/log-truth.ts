/**
 * What is true of one collection's log: which writes clients have begun and heard of, where commits have put them, and what
 * readers have seen. Kept apart from the product: it knows of writes, commits and reads, and of no numbers but those in ids.
 */

import type { LedgerEntry, StoredManifest } from './independent/formats.ts';
import { isSetAside } from './independent/rules.ts';
import { applyContents, type CollectionTruth, type Content, difference, type Records } from './truth.ts';

/** What a reader was shown: a version, and deltas on top of it, in order. */
export interface View {
  version: number;
  waiting: ReadonlyArray<{ deltaId: string; etag: string }>;
  records: Records;
}

/** What must be in a read that begins now. */
export interface ReadFloor {
  /** Deltas that were acknowledged to producers and endpoints, as they stood in the inbox: id and SHA-256. */
  acknowledged: ReadonlySet<number>;
  sent: ReadonlySet<string>;
  /** The highest number that any read has shown. */
  shown: number;
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

  acknowledged(write: number): void {
    this.#acknowledged.add(write);
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
    return { acknowledged: new Set(this.#acknowledged), sent: new Set(this.#sent), shown: this.#highestShown };
  }

  /** What a reader was given, who asked when the floor was taken. */
  shown(
    truth: CollectionTruth,
    { version, waiting, records }: View,
    floor: ReadFloor,
    contents: { by(etag: string): string; all: ReadonlyMap<string, Content> },
  ): void {
    const base = truth.versions.get(version);
    if (base === undefined) {
      this.#violate(`a read shows version ${version}, which nobody committed`);
      return;
    }
    const shas = waiting.map(({ etag }) => contents.by(etag));
    const shown = shas.map((sha256) => contents.all.get(sha256));
    const known = shown.filter((content) => content !== undefined);
    if (known.length < shown.length) {
      this.#violate(`a read on version ${version} shows a content that nobody sent`);
      return;
    }
    const wrong = difference(applyContents(base.records, known).records, records);
    if (wrong !== undefined)
      this.#violate(`a read on version ${version} and ${waiting.length} deltas is wrong: ${wrong}`);
    this.#judgeOrder(version, waiting, shas);
    this.#judgeWhole(
      truth,
      version,
      known,
      floor,
      waiting.map(({ deltaId }, n) => `${deltaId} ${shas[n]}`),
    );
    this.#judgeNumbers(version, waiting, floor);
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
    waiting: readonly Content[],
    { acknowledged, sent }: ReadFloor,
    deltas: readonly string[],
  ): void {
    const seen = new Set(waiting.flatMap(({ writes = [] }) => writes));
    const decided = [...truth.decided.values()].filter((entry) => entry.version <= version);
    for (const { sha256 } of decided) for (const write of this.#writesOf(sha256)) seen.add(write);
    const lost = [...acknowledged].find((write) => !seen.has(write));
    if (lost !== undefined)
      this.#violate(`a read on version ${version} does not show write ${lost}, acknowledged before it`);
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
  /** A delta of an endpoint came into the inbox. */
  arrived({ sha256, writes = [] }: Content): void {
    this.#contents.set(sha256, writes);
  }

  #writesOf(sha256: string): readonly number[] {
    return this.#contents.get(sha256) ?? [];
  }

  /** When all is quiet: what was acknowledged is there. */
  judgeEnd(collection: string): void {
    for (const write of this.#acknowledged) {
      if (!this.#applied.has(write)) this.#violate(`write ${write} of "${collection}" was acknowledged, and is lost`);
    }
  }
}
