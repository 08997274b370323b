/**
 * Pointers, manifests and keys, read as docs/format.md has them and not as the product reads them: nothing here may
 * import from `lambdas/` but types. Members that are not known are passed over.
 */
import { createHash } from 'node:crypto';
import type { Pointer } from '../../../lambdas/protocol/pointer.ts';
import type { DeltaStatus, LedgerEntry } from '../../../lambdas/snapshot/ledger.ts';

export type { DeltaStatus, LedgerEntry, Pointer };

export interface StoredManifest {
  collection: string;
  version: number;
  commitId: string;
  parent: { key: string; sha256: string } | null;
  /** Version and commit, newest first. */
  ancestry: ReadonlyArray<readonly [number, string]>;
  space: string;
  dimension: number;
  records: number;
  packs: ReadonlyArray<{ key: string; size: number; sha256: string }>;
  /** Pack, offset, length, length once decompressed, SHA-256 of what is stored. */
  frames: ReadonlyArray<readonly [number, number, number, number, string]>;
  /** Extents: offset, length, frame, offset in the frame. */
  files: ReadonlyArray<{
    path: string;
    size: number;
    digest: string;
    extents: ReadonlyArray<readonly [number, number, number, number]>;
  }>;
  ledger: readonly LedgerEntry[];
  numbered?: number;
}

export function sha256Of(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown>;
}

/** Members in the order of their names, at every depth, and no white space (RFC 8785, for text and whole numbers). */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`;
}

/** @throws Error (it is no pointer of the collection, or not the one that its digest is of) */
export function readStoredPointer(collection: string, bytes: Uint8Array): Pointer {
  const { sha256, ...body } = parse(bytes);
  if (sha256 !== sha256Of(canonical(body))) throw new Error('the pointer does not match its "sha256"');
  if (body.collection !== collection) throw new Error(`the pointer is of "${body.collection}"`);
  const { format, ...pointer } = body;
  if (format !== 1) throw new Error(`the pointer has format ${format}`);
  return pointer as unknown as Pointer;
}

/** @throws Error (its SHA-256 is another one) */
export function readStoredManifest(bytes: Uint8Array, sha256: string): StoredManifest {
  if (sha256Of(bytes) !== sha256) throw new Error('the manifest has another SHA-256 than its reference');
  return parse(bytes) as unknown as StoredManifest;
}

export type Key =
  | { kind: 'pointer' | 'manifest' | 'pack' | 'note'; collection: string }
  | { kind: 'delta'; collection: string; deltaId: string }
  | { kind: 'report'; collection: string; deltaId: string; sha256?: string }
  | { kind: 'aside'; collection: string; deltaId: string; sha256: string }
  | { kind: 'entry'; path: string }
  | { kind: 'record'; id: string }
  | { kind: 'probe' }
  | { kind: 'stranger' };

export function kindOf(key: string): Key {
  const [folder, ...rest] = key.split('/');
  const [collection = '', name = ''] = rest;
  if (folder === 'pointers' && rest.length === 1) return { kind: 'pointer', collection: cut(collection, '.json') };
  if (folder === 'unreached' && rest.length === 1) return { kind: 'note', collection: cut(collection, '.json') };
  if (folder === 'probes' && rest.length === 1) return { kind: 'probe' };
  if (folder === 'names' && rest.length === 3) return { kind: 'entry', path: cut(key, '.json') };
  if (folder === 'collections' && rest.length === 1) return { kind: 'record', id: cut(collection, '.json') };
  if (rest.length !== 2) return { kind: 'stranger' };
  if (folder === 'deltas') return { kind: 'delta', collection, deltaId: name };
  if (folder === 'manifests' && /^\d{12}-[0-9A-Z]{26}\.json$/.test(name)) return { kind: 'manifest', collection };
  if (folder === 'packs' && /^[0-9A-Z]{26}-\d+\.pack$/.test(name)) return { kind: 'pack', collection };
  const aside = folder === 'aside' ? /^([^~]+)~([0-9a-f]{64})$/.exec(name) : null;
  if (aside !== null) return { kind: 'aside', collection, deltaId: aside[1] ?? '', sha256: aside[2] ?? '' };
  if (folder !== 'rejected') return { kind: 'stranger' };
  const [deltaId = '', sha256] = cut(name, '.json').split('~');
  return { kind: 'report', collection, deltaId, ...(sha256 === undefined ? {} : { sha256 }) };
}

/** What the directory of names says of a collection. */
export interface NamedRecord {
  id: string;
  collection: string;
  name: string;
  metadata: string;
  dropped: boolean;
}

/** Of a record, or, with `id` and `name` alone, of the entry of a name. */
export function readStoredName(bytes: Uint8Array): NamedRecord {
  return parse(bytes) as unknown as NamedRecord;
}

/** Chroma's id of a stored collection that nobody has named: a UUID made of the digest of its name. */
export function idOfUnnamed(collection: string): string {
  const hex = sha256Of(`stored collection ${collection}`).slice(0, 32);
  const digits = `${hex.slice(0, 12)}4${hex.slice(13, 16)}a${hex.slice(17)}`;
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

export function keyOfDelta(collection: string, deltaId: string): string {
  return `deltas/${collection}/${deltaId}`;
}

/** @param sha256 Of the content that was set aside, which is what the object holds. */
export function keyOfAside(collection: string, deltaId: string, sha256: string): string {
  return `aside/${collection}/${deltaId}~${sha256}`;
}

/** @param sha256 Of other content that came under a used id. */
export function keyOfReport(collection: string, deltaId: string, sha256?: string): string {
  return `rejected/${collection}/${deltaId}${sha256 === undefined ? '' : `~${sha256}`}.json`;
}

function cut(name: string, ending: string): string {
  return name.endsWith(ending) ? name.slice(0, -ending.length) : '';
}

/** What a status must say of a decision, as text: equal texts, equal statuses. */
export function asStatus({ outcome, version, sha256, rejectedOperations }: DeltaStatus): string {
  return `${outcome} in version ${version}, ${rejectedOperations} rejected, ${sha256}`;
}
