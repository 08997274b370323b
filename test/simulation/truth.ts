/** What is true of one collection, kept apart from the product: contents sent, decisions committed, records of each version. */
import type { EngineRecord } from '../../lambdas/ports.ts';
import type { DeltaStatus, LedgerEntry } from '../../lambdas/protocol/ledger.ts';
import type { Pointer } from '../../lambdas/protocol/pointer.ts';
import type { Operation } from '../../lambdas/snapshot/delta.ts';
import type { Manifest } from '../../lambdas/snapshot/manifest.ts';
import { applyUpsert } from '../support/memory-engine.ts';

/** A delta's content as its producer meant it, beside the bytes that it sent. */
export interface Content {
  sha256: string;
  body: Uint8Array;
  operations: readonly Operation[];
  /** Lines that no compactor can accept. */
  invalid: number;
  /** The engine blames it whenever it is alone: rejected whole. */
  isPoison: boolean;
}

export type Records = ReadonlyMap<string, EngineRecord>;

export interface CommittedVersion {
  manifest: Manifest;
  manifestKey: string;
  execution: string;
  records: Records;
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
  /** Keys of rejection reports. */
  readonly reports = new Set<string>();

  constructor(pointer: Pointer) {
    this.collection = pointer.collection;
    this.pointer = pointer;
  }

  current(): CommittedVersion {
    const version = this.versions.get(this.pointer.version);
    if (version === undefined) throw new Error(`The oracle has no version ${this.pointer.version}.`);
    return version;
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
  const missing = contents.map(({ operations, isPoison }) => {
    if (isPoison) return operations.length;
    let count = 0;
    for (const operation of operations) {
      const { op, ...record } = operation;
      const old = records.get(record.id);
      if (op === 'delete') records.delete(record.id);
      else if (op === 'update' && old === undefined) count++;
      else records.set(record.id, applyUpsert(old, record as EngineRecord));
    }
    return count;
  });
  return { records, missing };
}

/** The first difference, in words; `undefined`: they are equal. */
export function difference(expected: Records, actual: Records): string | undefined {
  for (const [id, record] of expected) {
    const found = actual.get(id);
    if (found === undefined) return `record "${id}" is missing`;
    if (JSON.stringify(found) !== JSON.stringify(record)) {
      return `record "${id}" is ${brief(found)}, not ${brief(record)}`;
    }
  }
  const surplus = [...actual.keys()].find((id) => !expected.has(id));
  return surplus === undefined ? undefined : `record "${surplus}" should not be there`;
}

function brief({ embedding, metadata }: EngineRecord): string {
  return JSON.stringify({ embedding, metadata });
}
