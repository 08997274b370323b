/**
 * The fence: the pointer is rewritten under another ETag. After that, whatever was uploaded before the listing either
 * was published before the fence and is reachable from it, or can never be published. Age proves nothing: no wait is
 * long enough for a frozen Lambda.
 */
import { fencePointer } from '../commit/publish.ts';
import type { Ports } from '../ports.ts';
import type { Pointer } from '../protocol/pointer.ts';
import { type ListedObject, oldestRetained, type Sorted, sealingTimes, sortListed } from '../protocol/retention.ts';
import { readOwnPointer } from '../versions/own-pointer.ts';
import { type KnownVersions, loadNewest, reachableKeys, walkRetained } from './reachability.ts';

export interface FenceRequest {
  collection: string;
  /** A ULID of this invocation, never used before, by which a run recognises its own fence. */
  runId: string;
  /** Find out what is garbage, but leave the pointer alone. */
  dryRun?: boolean;
}

/** What was listed, sorted by whether the pointer reaches it: the fenced pointer, if `fenced`. */
export interface Verdict extends Sorted {
  fenced: boolean;
  /** Oldest version that is kept. */
  retainedFrom: number;
  reachable: ReadonlySet<string>;
}

/**
 * Fence the pointer, unless nothing that was listed is garbage. If the pointer moves meanwhile, it is read again, but
 * nothing is listed again: an object that appeared after the listing may be about to be published.
 * @param listed Listed before this is called.
 * @throws what `fencePointer` throws, and those of the pointer. Whatever is thrown, nothing may be deleted.
 */
export async function fenceGarbage(
  ports: Ports,
  { collection, runId, dryRun = false }: FenceRequest,
  listed: readonly ListedObject[],
): Promise<Verdict> {
  const known: KnownVersions = new Map();
  const { verdict, isFenced } = await fencePointer(ports, {
    collection,
    runId,
    read: () => readOwnPointer(ports, collection),
    decide: async (pointer, isFencedAlready) => {
      const found = await judge(ports, pointer, isFencedAlready, listed, known);
      const isWanted = !dryRun && found.garbage.length > 0;
      return { verdict: found, change: isWanted ? { retainedFrom: found.retainedFrom } : undefined };
    },
  });
  return { ...verdict, fenced: isFenced };
}

async function judge(
  ports: Ports,
  pointer: Pointer,
  isFenced: boolean,
  listed: readonly ListedObject[],
  known: KnownVersions,
): Promise<Omit<Verdict, 'fenced'>> {
  const newest = await loadNewest(ports, pointer);
  const { version, commitId, ancestry } = newest.manifest;
  const sealed = sealingTimes([{ version, commitId }, ...ancestry], listed);
  // If this run has already fenced the pointer, its `retainedFrom` holds: recomputing it after a later commit could
  // drop a version that the pointer promises.
  const retainedFrom = isFenced
    ? pointer.retainedFrom
    : oldestRetained(pointer, sealed, ports.settings, ports.clock.now());
  const reachable = reachableKeys(await walkRetained(ports, pointer, newest, retainedFrom, known));
  return { retainedFrom, reachable, ...sortListed(listed, reachable) };
}
