/**
 * What must hold between a pointer and its successor, as predicates. They are checked before each swap, and the
 * simulation checks the same ones after every step.
 */

import { InvariantViolatedError } from '../errors/errors.ts';
import type { LedgerEntry } from '../snapshot/ledger.ts';
import { numberIn } from '../snapshot/log-number.ts';
import { childAncestry, type Manifest } from '../snapshot/manifest.ts';
import type { Pointer } from './pointer.ts';
import { decodeAddress, isOwnTable } from './table-address.ts';

/** Each string names an invariant that does not hold. If there is none, the swap may be made. */
export function swapViolations(base: Pick<Pointer, SwapFields>, next: Pointer): string[] {
  return failed([
    [next.collection === base.collection, 'the collection changes'],
    [next.version === base.version + 1, `version goes from ${base.version} to ${next.version}, not up by one`],
    [next.commitId !== base.commitId, 'the commit id is reused'],
    [next.token > base.token, `token does not rise (${base.token} to ${next.token})`],
    [next.fence === base.fence, `fence changes from ${base.fence} to ${next.fence}`],
    [next.retainedFrom === base.retainedFrom, 'retainedFrom changes in a swap'],
    [next.retainedFrom <= next.version, 'retainedFrom lies above the version'],
    // A pointer without an identity may acquire one.
    [isOwnTable(base.statusTable, decodeAddress(next.statusTable)), 'the status table changes'],
  ]);
}
type SwapFields = 'collection' | 'version' | 'commitId' | 'token' | 'fence' | 'retainedFrom' | 'statusTable';

/** A fence changes nothing but itself, what is retained, and, in an adoption, the table. */
export function fenceViolations(base: Pointer, next: Pointer): string[] {
  const { fence, fencedBy, retainedFrom, statusTable } = next;
  const { fence: raised, retainedFrom: retainedBefore } = base;
  return failed([
    [
      JSON.stringify({ ...base, fence, fencedBy, retainedFrom, statusTable }) === JSON.stringify(next),
      'a fence publishes',
    ],
    [fence === raised + 1, `fence goes from ${raised} to ${fence}, not up by one`],
    [fencedBy !== base.fencedBy, 'the run id is reused'],
    [retainedFrom >= retainedBefore, `retainedFrom falls from ${retainedBefore} to ${retainedFrom}`],
    [retainedFrom <= next.version, 'retainedFrom lies above the version'],
  ]);
}

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
    [continuesLog(base.numbered, next.numbered, newlyApplied), 'the log is not continued number by number, in order'],
  ]);
}

/** Newly decided numbers of the log must follow the base's, each once, in order, and before all other entries. */
function continuesLog(base = 0, next = 0, decided: readonly LedgerEntry[]): boolean {
  const count = next - base;
  const isInPlace = ({ deltaId }: LedgerEntry, n: number) =>
    numberIn(deltaId) === (n < count ? base + n + 1 : undefined);
  return count >= 0 && decided.length >= count && decided.every(isInPlace);
}

/** @param what was not done, for the message @throws InvariantViolatedError */
export function refuse(what: string, violations: readonly string[]): void {
  if (violations.length > 0) throw new InvariantViolatedError(`${what}: ${violations.join('; ')}.`);
}

function failed(checks: ReadonlyArray<readonly [boolean, string]>): string[] {
  return checks.filter(([holds]) => !holds).map(([, violation]) => violation);
}
