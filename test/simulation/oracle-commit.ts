/** What must hold of a pointer write: the product's own predicates, and the content compared with the model. */
import { successionViolations, swapViolations } from '../../lambdas/protocol/invariants.ts';
import type { LedgerEntry } from '../../lambdas/protocol/ledger.ts';
import type { Pointer } from '../../lambdas/protocol/pointer.ts';
import { decodeManifest, type Manifest } from '../../lambdas/snapshot/manifest.ts';
import { hydrate } from '../../lambdas/steps/hydrate.ts';
import type { LoadedManifest } from '../../lambdas/steps/read-pointer.ts';
import { MEMORY_CODEC } from '../support/memory-codec.ts';
import { MemoryDirectories } from '../support/memory-directories.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import { ModelDatabase } from '../support/model-database.ts';
import { applyContents, type CollectionTruth, type Content, difference, type Records } from './truth.ts';

export interface Publication {
  store: MemoryStore;
  truth: CollectionTruth;
  contents: ReadonlyMap<string, Content>;
  next: Pointer;
  /** Of a rollback: the version whose content comes back. */
  restored: number | undefined;
}

export function fenceFaults(base: Pointer, next: Pointer): string[] {
  const faults: string[] = [];
  if (next.fence !== base.fence + 1) faults.push(`fence goes from ${base.fence} to ${next.fence}, not up by one`);
  if (next.retainedFrom < base.retainedFrom)
    faults.push(`retainedFrom falls from ${base.retainedFrom} to ${next.retainedFrom}`);
  if (next.retainedFrom > next.version) faults.push('retainedFrom lies above the version');
  if (next.token < base.token) faults.push(`token falls from ${base.token} to ${next.token}`);
  if (next.manifest.sha256 !== base.manifest.sha256) faults.push('the manifest changes without a commit');
  return faults;
}

/** Judge a commit and, if it is sound enough to be read, take it into the truth. */
export async function commitFaults({ store, truth, contents, next, restored }: Publication): Promise<string[]> {
  const faults = swapViolations(truth.pointer, next);
  const base = truth.current();
  const loaded = await load(store, next);
  if (typeof loaded === 'string') return [...faults, loaded];
  const { manifest } = loaded;
  faults.push(...successionViolations(base.manifest, manifest));
  if (manifest.parent?.sha256 !== truth.pointer.manifest.sha256)
    faults.push('its parent is not the version it replaces: an update is lost');
  faults.push(...droppedEntries(truth, base.manifest, manifest));
  const applied = manifest.ledger.filter((entry) => entry.version === manifest.version);
  const decided = applied.map((entry) => contents.get(entry.sha256));
  const known = decided.filter((content) => content !== undefined);
  if (known.length < decided.length) return [...faults, 'it applies a content that nobody sent'];
  if (restored !== undefined && applied.length > 0) faults.push('a rollback applies deltas');
  const before = restored === undefined ? base.records : truth.versions.get(restored)?.records;
  if (before === undefined) return [...faults, `it goes back to version ${restored}, which nobody committed`];
  const { records, missing } = applyContents(before, known);
  for (const [n, entry] of applied.entries()) {
    faults.push(...entryFaults(truth, entry, known[n] as Content, missing[n] ?? 0));
    truth.decided.set(entry.deltaId, truth.decided.get(entry.deltaId) ?? entry);
  }
  const stored = await readRecords(store, loaded).catch(
    (error: unknown) => `it cannot be read whole: ${String(error)}`,
  );
  if (typeof stored === 'string') return [...faults, stored];
  const wrong = difference(records, stored);
  if (wrong !== undefined) faults.push(`its content is wrong: ${wrong}`);
  if (next.records !== records.size) faults.push(`it counts ${next.records} records, not ${records.size}`);
  truth.versions.set(next.version, { manifest, manifestKey: next.manifest.key, execution: next.execution, records });
  return faults;
}

async function load(store: MemoryStore, { manifest: ref }: Pointer): Promise<LoadedManifest | string> {
  try {
    const { body } = await store.get(ref.key);
    const manifest = decodeManifest(ref.key, body, ref.sha256);
    for (const pack of manifest.packs) {
      if ((await store.head(pack.key)).size !== pack.size) return `pack "${pack.key}" has another size`;
    }
    return { ref, bytes: body, manifest };
  } catch (error) {
    return `it points at something that is not there: ${(error as Error).message}`;
  }
}

/** An entry leaves the ledger only when its delta can never be taken for new again. */
function droppedEntries({ statuses }: CollectionTruth, base: Manifest, next: Manifest): string[] {
  const kept = new Set(next.ledger.map((entry) => entry.deltaId));
  const dropped = base.ledger.filter((entry) => !kept.has(entry.deltaId) && !statuses.has(entry.deltaId));
  return dropped.map((entry) => `the ledger drops ${entry.deltaId}, which has no status`);
}

function entryFaults(truth: CollectionTruth, entry: LedgerEntry, content: Content, missing: number): string[] {
  const { deltaId } = entry;
  const faults: string[] = [];
  if (truth.decided.has(deltaId)) faults.push(`delta ${deltaId} is applied a second time`);
  if (!truth.arrived.get(deltaId)?.has(entry.sha256)) faults.push(`delta ${deltaId} never had that content`);
  const rejected = content.invalid + missing;
  const outcome = content.operations.length > missing ? 'applied' : 'rejected';
  if (entry.outcome !== outcome || entry.rejectedOperations !== rejected) {
    faults.push(
      `delta ${deltaId} is ${entry.outcome} (${entry.rejectedOperations} rejected), not ${outcome} (${rejected})`,
    );
  }
  return faults;
}

const SILENT = { metric: () => {}, info: () => {}, warn: () => {} };
const NO_CACHE = { read: async () => undefined, evict: async () => {} };

/** From nothing and from the store alone. */
export async function readRecords(store: MemoryStore, loaded: LoadedManifest): Promise<Records> {
  const directory = await new MemoryDirectories().claim(loaded.manifest.collection);
  await hydrate({ store, cache: NO_CACHE, codec: MEMORY_CODEC, telemetry: SILENT }, directory, loaded);
  const database = await ModelDatabase.load(directory);
  return new Map(database.all().map((record) => [record.id, record]));
}
