/**
 * The fence: the pointer rewritten under another ETag, so that whatever was uploaded before the listing is published
 * before the fence, and reachable from it, or can never be published any more. Age proves nothing: no wait is long
 * enough for a frozen Lambda.
 */
import type { Ports } from '../ports.ts';
import {
  ConditionalRequestConflictError,
  CorruptObjectError,
  InvalidInputError,
  ObjectNotFoundError,
  PointerMovedError,
  PreconditionFailedError,
  StoreUnavailableError,
} from '../protocol/errors.ts';
import { encodePointer, type Pointer } from '../protocol/pointer.ts';
import { fencedPointer, type ListedObject, oldestRetained, type Sorted, sortListed } from '../protocol/retention.ts';
import { pointerKey } from '../snapshot/keys.ts';
import { type KnownVersions, reachableKeys, walkRetained } from './reachability.ts';
import { isCurrent, readOwnPointer } from './read-pointer.ts';
import { jitteredWaitMs } from './waits.ts';

const ATTEMPTS = 10;
/** Failures of the write after which the pointer itself says what to do. */
const RACES = [ConditionalRequestConflictError, ObjectNotFoundError, PreconditionFailedError, StoreUnavailableError];

export interface FenceRequest {
  collection: string;
  /** A ULID of this invocation, never used before: it is how a run knows its own fence. */
  runId: string;
  /** Find out what is garbage, but leave the pointer alone. */
  dryRun?: boolean;
}

/** What was listed, sorted by what the pointer reaches: the fenced one, if `fenced`. */
export interface Verdict extends Sorted {
  fenced: boolean;
  /** Oldest version that is kept. */
  retainedFrom: number;
  reachable: ReadonlySet<string>;
}

/**
 * Fence the pointer, unless nothing that was listed is garbage. When the pointer moves meanwhile it is read again, but
 * nothing is listed again: what came after the listing may be about to be published.
 * @param listed Listed before this is called.
 * @throws CorruptObjectError, InvalidInputError (`runId` was used before), PointerMovedError (every race was lost),
 * ConditionalRequestConflictError, StoreUnavailableError, and those of the pointer. Whatever is thrown, nothing may be
 * deleted.
 */
export async function fencePointer(
  ports: Ports,
  { collection, runId, dryRun = false }: FenceRequest,
  listed: readonly ListedObject[],
): Promise<Verdict> {
  const known: KnownVersions = new Map();
  let sent = false;
  for (let attempt = 1; ; attempt++) {
    const read = await readOwnPointer(ports, collection);
    // Our own write, its response lost. Commits made since carry the id on; the number could be anybody's.
    const fenced = read.pointer.fencedBy === runId;
    if (fenced && !sent) {
      throw new InvalidInputError(`Run id ${runId} has fenced "${collection}" before. Use a new one for every run.`);
    }
    try {
      const verdict = await judge(ports, read.pointer, fenced, listed, known);
      if (fenced || dryRun || verdict.garbage.length === 0) return verdict;
      const next = encodePointer(fencedPointer(read.pointer, runId, verdict.retainedFrom));
      sent = true;
      await ports.store.putIfMatch(pointerKey(collection), next, read.etag);
      return { ...verdict, fenced: true };
    } catch (error) {
      // Another collector may have taken a version that the pointer we read retains: then it has moved since.
      const isOvertaken = error instanceof CorruptObjectError && !(await isCurrent(ports, collection, read.etag));
      if (!isOvertaken && !RACES.some((race) => error instanceof race)) throw error;
      if (attempt >= ATTEMPTS) throw error instanceof PreconditionFailedError ? unfenced(collection, error) : error;
    }
    await ports.clock.sleep(jitteredWaitMs(attempt, ports.ids.random()));
  }
}

async function judge(
  ports: Ports,
  pointer: Pointer,
  fenced: boolean,
  listed: readonly ListedObject[],
  known: KnownVersions,
): Promise<Verdict> {
  const versions = await walkRetained(ports, pointer, known);
  const before = pointer.retainedFrom;
  // Behind a fence its own word holds: after a commit on top, the count would take away what the pointer promises.
  const retainedFrom = fenced ? before : oldestRetained(versions, before, ports.settings, ports.clock.now());
  const reachable = reachableKeys(versions, retainedFrom);
  return { fenced, retainedFrom, reachable, ...sortListed(listed, reachable) };
}

function unfenced(collection: string, cause: unknown): PointerMovedError {
  return new PointerMovedError(
    `The pointer of "${collection}" could not be fenced in ${ATTEMPTS} attempts. Nothing was deleted; the next run ` +
      'tries again.',
    { cause },
  );
}
