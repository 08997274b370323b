/** What must hold from one version to the next, as docs/protocol.md says it, and what operations do to records. */

import type { EngineRecord } from '../../../lambdas/ports.ts';
import type { Operation, Upsert } from '../../../lambdas/snapshot/operation.ts';
import { literal } from './files.ts';
import type { LedgerEntry, Pointer, StoredManifest } from './formats.ts';

const ANCESTORS = 64;

export function swapFaults(base: Pointer, next: Pointer): string[] {
  const faults: string[] = [];
  const unless = (holds: boolean, fault: string) => {
    if (!holds) faults.push(fault);
  };
  unless(next.version === base.version + 1, `version goes from ${base.version} to ${next.version}, not up by one`);
  unless(next.commitId !== base.commitId, 'its commit id was used before');
  unless(next.token > base.token, `token goes from ${base.token} to ${next.token}, not up`);
  unless(next.fence === base.fence && next.fencedBy === base.fencedBy, 'the fence changes in a swap');
  unless(next.retainedFrom === base.retainedFrom, 'retainedFrom changes in a swap');
  unless(isTableKept(base, next), 'the status table changes');
  return faults;
}

/** A pointer from before tables had an identity gets one, once: `name` becomes `name#identity`. */
export function isTableKept({ statusTable: before }: Pointer, { statusTable: after }: Pointer): boolean {
  return after === before || (!before.includes('#') && after.startsWith(`${before}#`));
}

/** Rejected for nothing that it says. */
export function isSetAside(entry: LedgerEntry | undefined): boolean {
  return entry?.rejections?.some(({ error }) => error === 'SetAside') === true;
}

export function successionFaults(base: StoredManifest, next: StoredManifest): string[] {
  const faults: string[] = [];
  const unless = (holds: boolean, fault: string) => {
    if (!holds) faults.push(fault);
  };
  const ancestry = [[base.version, base.commitId], ...base.ancestry].slice(0, ANCESTORS);
  unless(next.collection === base.collection, 'the collection changes');
  unless(next.version === base.version + 1, `its manifest is of version ${next.version}`);
  unless(JSON.stringify(next.ancestry) === JSON.stringify(ancestry), "its ancestry is not its parent's and its parent");
  unless(next.dimension === base.dimension && next.space === base.space, 'dimension or space changes');
  const ids = next.ledger.map((entry) => entry.deltaId);
  unless(new Set(ids).size === ids.length, 'a delta stands twice in its ledger');
  for (const entry of next.ledger) {
    const known = base.ledger.find(({ deltaId }) => deltaId === entry.deltaId);
    const isNew = entry.version === next.version;
    unless(isNew || known !== undefined, `its ledger has ${entry.deltaId} of version ${entry.version} from nowhere`);
    unless(known === undefined || JSON.stringify(known) === JSON.stringify(entry), `it rewrites ${entry.deltaId}`);
  }
  return faults;
}

/** One operation on the records; false if it met no record to update. As Chroma's clients are told that it works. */
export function applyTo(records: Map<string, EngineRecord>, { op, ...given }: Operation | Add): boolean {
  const old = records.get(given.id);
  if (op === 'add' && old !== undefined) return true;
  if (op === 'delete') {
    records.delete(given.id);
    return true;
  }
  if (op === 'update' && old === undefined) return false;
  const { metadata = {}, ...fields } = given as EngineRecord;
  const merged = Object.entries({ ...old?.metadata, ...metadata }).filter(([, value]) => value !== null);
  const { metadata: _old, ...rest } = { ...old, ...fields };
  const patched = merged.length === 0 ? {} : { metadata: Object.fromEntries(merged) };
  records.set(given.id, { ...rest, ...patched } as EngineRecord);
  return true;
}

/** Of an endpoint's delta alone. */
type Add = Omit<Upsert, 'op'> & { op: 'add' };

/** The same whatever the order of members. Numbers of metadata are compared as they are written: 5.0 is not 5. */
export function textOf({ id, document, metadata, embedding }: EngineRecord): string {
  const sorted = Object.entries(metadata ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const all = [id, document ?? null, sorted, (embedding ?? []).map(Math.fround)];
  return JSON.stringify(all, (_key, value) => (typeof value === 'bigint' ? literal(String(value)) : value));
}
