/** What is true of one collection, kept apart from the product: contents sent, decisions committed, records of each version. */
import type { EngineRecord } from '../../lambdas/ports.ts';
import type { Operation } from '../../lambdas/snapshot/delta.ts';
import type { DeltaStatus, LedgerEntry, Pointer, StoredManifest } from './independent/formats.ts';
import { applyTo, textOf } from './independent/rules.ts';

/** A delta's content as its producer meant it, beside the bytes that it sent. */
export interface Content {
  sha256: string;
  body: Uint8Array;
  operations: readonly Operation[];
  /** Lines that no compactor can accept, and lines that the engine refuses; they are not among the operations. */
  invalid: readonly string[];
  /** The engine gives no answer to it: set aside, and never applied. */
  isHeavy: boolean;
  /** Of an endpoint's delta: the writes in it. Its operations are Chroma's, which meet a missing record in silence. */
  writes?: readonly number[];
}

export type Records = ReadonlyMap<string, EngineRecord>;

export interface CommittedVersion {
  manifest: StoredManifest;
  manifestKey: string;
  execution: string;
  records: Records;
  /** When it was published, by the world's clock; the first of a world were there before. */
  since?: number;
}

export class CollectionTruth {
  readonly collection: string;
  pointer: Pointer;
  readonly versions = new Map<number, CommittedVersion>();
  /** By delta id: what its one decision was. */
  readonly decided = new Map<string, LedgerEntry>();
  readonly statuses = new Map<string, DeltaStatus>();
  /** Delta ids of which an event has told. */
  readonly announced = new Set<string>();
  /** By delta id: all contents that ever stood in the inbox under it, by SHA-256. */
  readonly arrived = new Map<string, Set<string>>();
  /** What stands in the inbox now: SHA-256 by delta id. */
  readonly inbox = new Map<string, string>();
  /** `<id> <sha256>` of contents that a producer itself wrote over. */
  readonly overwritten = new Set<string>();
  /** Keys of contents that were set aside. */
  readonly aside = new Set<string>();
  /** Merges that failed, by execution; and deltas that its commits set aside. */
  readonly failedMerges = new Map<string, number>();
  readonly setAsideBy = new Map<string, number>();
  /** Keys of rejection reports. */
  readonly reports = new Set<string>();

  constructor(pointer: Pointer) {
    this.collection = pointer.collection;
    this.pointer = pointer;
  }

  /** For one world to go on from. */
  copy(pointer: Pointer): CollectionTruth {
    const copy = new CollectionTruth(pointer);
    for (const [number, version] of this.versions) copy.versions.set(number, version);
    for (const [deltaId, entry] of this.decided) copy.decided.set(deltaId, entry);
    for (const [deltaId, status] of this.statuses) copy.statuses.set(deltaId, status);
    for (const [deltaId, contents] of this.arrived) copy.arrived.set(deltaId, new Set(contents));
    for (const [deltaId, sha256] of this.inbox) copy.inbox.set(deltaId, sha256);
    return copy;
  }

  current(): CommittedVersion {
    const version = this.versions.get(this.pointer.version);
    if (version === undefined) throw new Error(`The oracle has no version ${this.pointer.version}.`);
    return version;
  }

  /** The version that was current then; -1: none. */
  versionAt(time: number): number {
    return [...this.versions].reduce(
      (last, [version, { since = 0 }]) => (since <= time ? Math.max(last, version) : last),
      -1,
    );
  }

  /** Keys of all that retained versions are made of. */
  reachable(): Set<string> {
    const keys = new Set<string>();
    for (const [number, { manifest, manifestKey }] of this.versions) {
      if (number < this.pointer.retainedFrom) continue;
      keys.add(manifestKey);
      for (const pack of manifest.packs) keys.add(pack.key);
    }
    return keys;
  }
}

/** One operation after the other, as a producer would think of it. `missing`: how many could not be done, by content. */
export function applyContents(base: Records, contents: readonly Content[]): { records: Records; missing: number[] } {
  const records = new Map(base);
  const missing = contents.map(({ operations, writes }) => {
    const count = operations.filter((operation) => !applyTo(records, operation)).length;
    return writes === undefined ? count : 0;
  });
  return { records, missing };
}

/** The first difference, in words; `undefined`: they are equal. */
export function difference(expected: Records, actual: Records): string | undefined {
  for (const [id, record] of expected) {
    const found = actual.get(id);
    if (found === undefined) return `record "${id}" is missing`;
    if (textOf(found) !== textOf(record)) {
      return `record "${id}" is ${brief(found)}, not ${brief(record)}`;
    }
  }
  const surplus = [...actual.keys()].find((id) => !expected.has(id));
  return surplus === undefined ? undefined : `record "${surplus}" should not be there`;
}

function brief(record: EngineRecord): string {
  return textOf({ ...record, document: undefined });
}
