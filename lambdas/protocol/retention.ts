/** Which versions are kept, and what garbage collection may delete: its pure part. In doubt, objects are kept. */
import { parseManifestKey, parsePackKey } from '../snapshot/keys.ts';
import type { CommitRef } from '../snapshot/manifest.ts';
import type { Pointer } from './pointer.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Crockford's base 32, as in ULIDs. */
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** The first characters of a ULID, which are its time. */
const TIME_LENGTH = 10;

/** A version is kept if either rule keeps it. */
export interface Retention {
  /** How many of the newest versions, including the current one. */
  retainVersions: number;
  /** Versions replaced within this many days are kept: they may be wanted back. */
  retainDays: number;
}

/** When a commit was sealed, in milliseconds since the epoch, by the clock of the process that sealed it. */
export function sealedAt(commitId: string): number {
  return [...commitId.slice(0, TIME_LENGTH)].reduce((ms, digit) => ms * DIGITS.length + DIGITS.indexOf(digit), 0);
}

/** When each version was sealed, by version number; its predecessor was replaced at that time. */
export type SealingTimes = ReadonlyMap<number, number>;

/**
 * From names alone, without reading manifests: exact for the ancestors that the current manifest names, and below them
 * the latest time of any listed manifest of that number. That may belong to a commit that lost its swap; then more is
 * kept until the next run.
 * @param known The current version and its ancestors.
 */
export function sealingTimes(known: readonly CommitRef[], listed: readonly ListedObject[]): SealingTimes {
  const times = new Map<number, number>();
  for (const { key } of listed) {
    const { version, commitId } = parseManifestKey(key) ?? {};
    if (version === undefined || commitId === undefined) continue;
    times.set(version, Math.max(times.get(version) ?? 0, sealedAt(commitId)));
  }
  for (const { version, commitId } of known) times.set(version, sealedAt(commitId));
  return times;
}

/**
 * The oldest version to keep. Clocks disagree, so an older version may appear to have been replaced later than a newer
 * one: everything above a kept version is kept, since versions are found by walking from child to parent.
 * @param pointer `retainedFrom` is what is retained so far: the result is never below it.
 */
export function oldestRetained(
  { version: current, retainedFrom }: Pick<Pointer, 'version' | 'retainedFrom'>,
  sealed: SealingTimes,
  { retainVersions, retainDays }: Retention,
  now: number,
): number {
  let oldest = current - Math.max(1, retainVersions) + 1;
  for (const [version, ms] of sealed) {
    // The version before is the one that was replaced.
    if (version > retainedFrom && version <= current && now - ms <= retainDays * DAY_MS)
      oldest = Math.min(oldest, version - 1);
  }
  return Math.max(retainedFrom, oldest);
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
  /**
   * In the order of deletion: manifests before packs, so that a manifest never outlives what it refers to; the oldest
   * first.
   */
  garbage: ListedObject[];
  /** Number of listed objects that are kept. */
  kept: number;
  /** Keys that this system does not create. They are kept. */
  strangers: string[];
}

/** @param listed In key order, which for manifests is the order of versions and for packs that of sealing. */
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
