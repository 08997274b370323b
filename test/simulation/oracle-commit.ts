/** What must hold of a pointer write, and the content compared with the model: read and judged without the product's code. */

import type { MemoryStore } from '../support/memory-store.ts';
import { filesOf, recordsIn } from './independent/files.ts';
import { type LedgerEntry, type Pointer, readStoredManifest, type StoredManifest } from './independent/formats.ts';
import { isSetAside, isTableKept, successionFaults, swapFaults } from './independent/rules.ts';
import { applyContents, type CollectionTruth, type Content, difference, type Records } from './truth.ts';

/** Merges of nothing else that must fail before a delta is set aside. */
const FAILURES_ALONE = 3;

export interface Publication {
  store: MemoryStore;
  truth: CollectionTruth;
  contents: ReadonlyMap<string, Content>;
  next: Pointer;
  /** Of a rollback: the version whose content comes back. */
  restored: number | undefined;
  /** Of an import: what it brings. */
  imported: Records | undefined;
}

/** A collection begins with nothing, at version 0. */
export async function creationFaults(store: MemoryStore, truth: CollectionTruth): Promise<string[]> {
  const { pointer } = truth;
  const manifest = await load(store, pointer);
  if (typeof manifest === 'string') return [manifest];
  const version = { manifest, manifestKey: pointer.manifest.key, execution: pointer.execution, records: new Map() };
  truth.versions.set(pointer.version, version);
  const { parent, records, files, ledger } = manifest;
  const isEmpty = parent === null && records + pointer.records + files.length + ledger.length === 0;
  return pointer.version === 0 && manifest.version === 0 && isEmpty ? [] : ['it is not empty at version 0'];
}

export function fenceFaults(base: Pointer, next: Pointer): string[] {
  const faults: string[] = [];
  if (next.fence !== base.fence + 1) faults.push(`fence goes from ${base.fence} to ${next.fence}, not up by one`);
  if (next.retainedFrom < base.retainedFrom)
    faults.push(`retainedFrom falls from ${base.retainedFrom} to ${next.retainedFrom}`);
  if (next.retainedFrom > next.version) faults.push('retainedFrom lies above the version');
  if (next.token < base.token) faults.push(`token falls from ${base.token} to ${next.token}`);
  if (!isTableKept(base, next)) faults.push('the status table changes');
  if (next.manifest.sha256 !== base.manifest.sha256) faults.push('the manifest changes without a commit');
  return faults;
}

/** Judge a commit and, if it is sound enough to be read, take it into the truth. */
export async function commitFaults(publication: Publication): Promise<string[]> {
  const { store, truth, contents, next, restored, imported } = publication;
  const faults = swapFaults(truth.pointer, next);
  const base = truth.current();
  const manifest = await load(store, next);
  if (typeof manifest === 'string') return [...faults, manifest];
  faults.push(...successionFaults(base.manifest, manifest));
  if (manifest.commitId !== next.commitId) faults.push(`its manifest is of commit ${manifest.commitId}`);
  if (manifest.parent?.sha256 !== truth.pointer.manifest.sha256)
    faults.push('its parent is not the version it replaces: an update is lost');
  faults.push(...droppedEntries(truth, base.manifest, manifest));
  const applied = manifest.ledger.filter((entry) => entry.version === manifest.version);
  const decided = applied.map((entry) => contents.get(entry.sha256));
  const known = decided.filter((content) => content !== undefined);
  if (known.length < decided.length) return [...faults, 'it applies a content that nobody sent'];
  if ((restored ?? imported) !== undefined && applied.length > 0) faults.push('a rollback or import applies deltas');
  if (imported !== undefined && next.version !== 1) faults.push('an import replaces a history');
  const before = restored === undefined ? (imported ?? base.records) : truth.versions.get(restored)?.records;
  if (before === undefined) return [...faults, `it goes back to version ${restored}, which nobody committed`];
  const { records, missing } = applyContents(
    before,
    known.filter((_, n) => !isSetAside(applied[n])),
  );
  for (const [n, entry] of applied.entries()) {
    const content = known[n] as Content;
    if (isSetAside(entry)) faults.push(...asideFaults(truth, entry, content, next.execution));
    else faults.push(...entryFaults(truth, entry, content, missing.shift() ?? 0));
    truth.decided.set(entry.deltaId, truth.decided.get(entry.deltaId) ?? entry);
  }
  const stored = await readRecords(store, manifest).catch(
    (error: unknown) => `it cannot be read whole: ${String(error)}`,
  );
  if (typeof stored === 'string') return [...faults, stored];
  const wrong = difference(records, stored);
  if (wrong !== undefined) faults.push(`its content is wrong: ${wrong}`);
  for (const counted of new Set([next.records, manifest.records])) {
    if (counted !== records.size) faults.push(`it counts ${counted} records, not ${records.size}`);
  }
  truth.versions.set(next.version, { manifest, manifestKey: next.manifest.key, execution: next.execution, records });
  return faults;
}

async function load(store: MemoryStore, { manifest: ref }: Pointer): Promise<StoredManifest | string> {
  try {
    const manifest = readStoredManifest((await store.get(ref.key)).body, ref.sha256);
    for (const pack of manifest.packs) {
      if ((await store.head(pack.key)).size !== pack.size) return `pack "${pack.key}" has another size`;
    }
    return manifest;
  } catch (error) {
    return `it points at something that is not there: ${(error as Error).message}`;
  }
}

/** An entry leaves the ledger only when its delta can never be taken for new again. */
function droppedEntries({ statuses }: CollectionTruth, base: StoredManifest, next: StoredManifest): string[] {
  const kept = new Set(next.ledger.map((entry) => entry.deltaId));
  const dropped = base.ledger.filter((entry) => !kept.has(entry.deltaId) && !statuses.has(entry.deltaId));
  return dropped.map((entry) => `the ledger drops ${entry.deltaId}, which has no status`);
}

/** Nobody is set aside whose merges did not fail again and again. */
function asideFaults(truth: CollectionTruth, entry: LedgerEntry, { isHeavy }: Content, execution: string): string[] {
  const { deltaId, outcome, rejectedOperations } = entry;
  const faults: string[] = [];
  if (truth.decided.has(deltaId)) faults.push(`delta ${deltaId} is decided a second time`);
  if (!truth.arrived.get(deltaId)?.has(entry.sha256)) faults.push(`delta ${deltaId} never had that content`);
  if (outcome !== 'rejected' || rejectedOperations !== 1) {
    faults.push(`delta ${deltaId} is set aside, and ${outcome} (${rejectedOperations} rejected)`);
  }
  const count = (truth.setAsideBy.get(execution) ?? 0) + 1;
  truth.setAsideBy.set(execution, count);
  const failed = truth.failedMerges.get(execution) ?? 0;
  if (failed < count * FAILURES_ALONE) {
    const what = isHeavy ? 'heavy' : 'harmless';
    faults.push(`${what} delta ${deltaId} is set aside after ${failed} failed merges, as the ${count}. one`);
  }
  return faults;
}

function entryFaults(truth: CollectionTruth, entry: LedgerEntry, content: Content, missing: number): string[] {
  const { deltaId } = entry;
  const faults: string[] = [];
  if (content.isHeavy) faults.push(`delta ${deltaId} is applied, which no engine can`);
  if (truth.decided.has(deltaId)) faults.push(`delta ${deltaId} is applied a second time`);
  if (!truth.arrived.get(deltaId)?.has(entry.sha256)) faults.push(`delta ${deltaId} never had that content`);
  const rejected = content.invalid.length + missing;
  const outcome = content.operations.length > missing ? 'applied' : 'rejected';
  if (entry.outcome !== outcome || entry.rejectedOperations !== rejected) {
    faults.push(
      `delta ${deltaId} is ${entry.outcome} (${entry.rejectedOperations} rejected), not ${outcome} (${rejected})`,
    );
  }
  return faults;
}

/** From nothing and from the store alone. */
export async function readRecords(store: MemoryStore, manifest: StoredManifest): Promise<Records> {
  return recordsIn(await filesOf(manifest, async (key) => (await store.get(key)).body));
}
