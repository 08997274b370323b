/**
 * Which versions are kept, and what a collection may delete: the pure part of garbage collection. Whatever is in doubt
 * is kept.
 */
import { parseManifestKey, parsePackKey } from '../snapshot/keys.ts';
import type { CommitRef } from '../snapshot/manifest.ts';
import type { Pointer } from './pointer.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Crockford's base 32, as in ULIDs. */
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** The first characters of a ULID, which are its time. */
const TIME_LENGTH = 10;

/** A version is kept when either says so. */
export interface Retention {
  /** So many of the newest versions, the current one included. */
  retainVersions: number;
  /** Versions sealed at most so many days ago. */
  retainDays: number;
}

/** When a commit was sealed, in milliseconds since the epoch, by the clock of whoever sealed it. */
export function sealedAt(commitId: string): number {
  return [...commitId.slice(0, TIME_LENGTH)].reduce((ms, digit) => ms * DIGITS.length + DIGITS.indexOf(digit), 0);
}

/**
 * The oldest version to keep. Clocks disagree, so that an older version may look younger: everything above a kept
 * version is kept, since versions are found by walking from child to parent.
 * @param versions Newest first, from the current one down to what is retained so far.
 * @param before The pointer's `retainedFrom`: the result is never below it.
 */
export function oldestRetained(
  versions: readonly CommitRef[],
  before: number,
  { retainVersions, retainDays }: Retention,
  now: number,
): number {
  const isKept = ({ commitId }: CommitRef, index: number) =>
    index === 0 || index < retainVersions || now - sealedAt(commitId) <= retainDays * DAY_MS;
  return Math.max(before, versions.findLast(isKept)?.version ?? before);
}

/** The pointer after a fence: the same version under another ETag, so that every swap planned before it fails. */
export function fencedPointer(pointer: Pointer, runId: string, retainedFrom: number): Pointer {
  return {
    ...pointer,
    fence: pointer.fence + 1,
    fencedBy: runId,
    retainedFrom: Math.max(pointer.retainedFrom, retainedFrom),
  };
}

/** A manifest or pack, as listed. */
export interface ListedObject {
  key: string;
  /** Stored bytes. */
  size: number;
}

export interface Sorted {
  /** In the order of deletion: manifests before packs, since what a manifest refers to is there; the oldest first. */
  garbage: ListedObject[];
  /** Number of listed objects that stay. */
  kept: number;
  /** Keys that this system does not make. They stay. */
  strangers: string[];
}

/** @param listed In key order, which for manifests is that of versions and for packs that of sealing. */
export function sortListed(listed: readonly ListedObject[], reachable: ReadonlySet<string>): Sorted {
  const strangers = listed.filter(({ key }) => !isManifest(key) && !isPack(key)).map(({ key }) => key);
  const dead = listed.filter(({ key }) => !reachable.has(key));
  const manifests = dead.filter(({ key }) => isManifest(key));
  const garbage = [...manifests, ...dead.filter(({ key }) => isPack(key))];
  return { garbage, kept: listed.length - garbage.length, strangers };
}

export function isManifest(key: string): boolean {
  return parseManifestKey(key) !== undefined;
}

function isPack(key: string): boolean {
  return parsePackKey(key) !== undefined;
}
