/**
 * What must hold between a pointer and its successor, as predicates. They are checked before each swap, and the
 * simulation checks the same ones after every step.
 */
import { childAncestry, type Manifest } from '../snapshot/manifest.ts';
import type { Pointer } from './pointer.ts';

/** Each string is one invariant that does not hold. An empty list: the swap may be made. */
export function swapViolations(base: Pick<Pointer, SwapFields>, next: Pointer): string[] {
  return failed([
    [next.collection === base.collection, 'the collection changes'],
    [next.version === base.version + 1, `version goes from ${base.version} to ${next.version}, not up by one`],
    [next.commitId !== base.commitId, 'the commit id is reused'],
    [next.token > base.token, `token does not rise (${base.token} to ${next.token})`],
    [next.fence === base.fence, `fence changes from ${base.fence} to ${next.fence}`],
    [next.retainedFrom === base.retainedFrom, 'retainedFrom changes in a swap'],
    [next.retainedFrom <= next.version, 'retainedFrom lies above the version'],
    [next.statusTable === base.statusTable, 'the status table changes'],
  ]);
}
type SwapFields = 'collection' | 'version' | 'commitId' | 'token' | 'fence' | 'retainedFrom' | 'statusTable';

/** A manifest and its parent. */
export function successionViolations(base: Manifest, next: Manifest): string[] {
  const newlyApplied = next.ledger.filter((entry) => entry.version === next.version);
  const before = new Set(base.ledger.map((entry) => entry.deltaId));
  const ids = next.ledger.map((entry) => entry.deltaId);
  const ancestry = childAncestry(base);
  return failed([
    [next.collection === base.collection, 'the collection changes'],
    [next.version === base.version + 1, `version goes from ${base.version} to ${next.version}, not up by one`],
    [JSON.stringify(next.ancestry) === JSON.stringify(ancestry), "the ancestry is not the parent's and the parent"],
    [next.dimension === base.dimension && next.space === base.space, 'dimension or space changes'],
    [new Set(ids).size === ids.length, 'a delta stands twice in the ledger'],
    [newlyApplied.every((entry) => !before.has(entry.deltaId)), 'a delta of the base is applied again'],
    [next.ledger.every((entry) => entry.version <= next.version), 'a ledger entry comes from the future'],
  ]);
}

function failed(checks: ReadonlyArray<readonly [boolean, string]>): string[] {
  return checks.filter(([holds]) => !holds).map(([, violation]) => violation);
}
