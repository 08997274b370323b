/** What is true of a collection now: its version, and what waits on top of it. */
import { both } from '../concurrency/both.ts';
import {
  CollectionNotFoundError,
  CorruptObjectError,
  ObjectNotFoundError,
  PointerMovedError,
} from '../errors/errors.ts';
import { confirmCurrent, type Listed, listUnconfirmed } from '../log/read-log.ts';
import { shareNext } from '../log/share-next.ts';
import type { WaitingDelta } from '../log/waiting-delta.ts';
import type { Ports } from '../ports.ts';
import { isWholeAtOnce } from '../protocol/settle-time.ts';
import { pointerKey } from '../snapshot/keys.ts';
import { type CurrentVersion, loadCurrent } from '../versions/load-current.ts';
import { readPointer } from '../versions/read-pointer.ts';

export const READ_LEVELS = ['index_and_wal', 'index_only'] as const;
export type ReadLevel = (typeof READ_LEVELS)[number];

/** The look at the pointer that shows a look to be whole: the one beside the listing, or one after both. */
export type Confirmation = 'beside' | 'after';

export interface Look {
  /** `undefined`: nothing was ever written to the collection. */
  current: CurrentVersion | undefined;
  waiting: readonly WaitingDelta[];
  /** Rises with each look at one collection. */
  turn: number;
  /**
   * Nothing of the look may be shown before this resolves. The check runs while the answer is made.
   * Rejects with PointerMovedError (there is a newer version: look again), and with what the store throws.
   */
  confirmed: Promise<Confirmation>;
}

const AT_ONCE = Promise.resolve('beside' as const);

type LookPorts = Pick<Ports, 'store' | 'statuses' | 'telemetry' | 'clock'>;

/** Maximum age of a look that answers at `index_only`, in milliseconds. */
export const INDEX_ONLY_MS = 1_000;

/**
 * Looks that concurrent callers share. At `index_and_wal` a look begins after every caller that gets it has asked; at
 * `index_only` it may be a second old.
 */
export function looksAt(ports: LookPorts, collection: string, level: ReadLevel): () => Promise<Look> {
  return level === 'index_and_wal' ? withLog(ports, collection) : withoutLog(ports, collection);
}

/**
 * The pointer is read while what waits is listed, so the version at hand is used without comparing it first. If both
 * were quick, no delta can have left the inbox by a commit that the pointer did not show yet; otherwise the pointer is
 * read once more (ADR 60).
 */
function withLog(ports: LookPorts, collection: string): () => Promise<Look> {
  let known: CurrentVersion | undefined;
  let turn = 0;
  return shareNext(async () => {
    known ??= await load(ports, collection);
    const current = known;
    if (current === undefined) return { current, waiting: [], turn: ++turn, confirmed: AT_ONCE };
    const began = ports.clock.monotonic();
    const listed = listUnconfirmed(ports, collection, current);
    const confirmed = confirm(ports, collection, current, began, listed);
    confirmed.catch(() => {
      if (known === current) known = undefined;
    });
    const { waiting } = await listed;
    return { current, waiting, turn: ++turn, confirmed };
  });
}

/** @param began Before the first request of `listed` was sent. */
async function confirm(
  ports: LookPorts,
  collection: string,
  current: CurrentVersion,
  began: number,
  listed: Promise<Listed>,
): Promise<Confirmation> {
  const [{ isBehind }] = await both(listed, confirmCurrent(ports, collection, current));
  if (!isBehind && isWholeAtOnce(began, ports.clock.monotonic())) return 'beside';
  await confirmCurrent(ports, collection, current);
  return 'after';
}

function withoutLog(ports: LookPorts, collection: string): () => Promise<Look> {
  let last: { look: Look; at: number } | undefined;
  const look = shareNext(async () => {
    const at = ports.clock.monotonic();
    const known = last?.look.current;
    const isKnown =
      known !== undefined && (await readPointer(ports, collection)).pointer.commitId === known.manifest.commitId;
    const current = isKnown ? known : await load(ports, collection);
    const found = { current, waiting: [], turn: (last?.look.turn ?? 0) + 1, confirmed: AT_ONCE };
    last = { look: found, at };
    return found;
  });
  return async () => {
    const isFresh = last !== undefined && ports.clock.monotonic() - last.at < INDEX_ONLY_MS;
    return isFresh && last !== undefined ? last.look : look();
  };
}

async function load(ports: LookPorts, collection: string): Promise<CurrentVersion | undefined> {
  try {
    // Finding out why there is no pointer would take long; mostly nothing was ever written.
    await ports.store.head(pointerKey(collection));
    return await loadCurrent(ports, collection);
  } catch (error) {
    if (error instanceof ObjectNotFoundError || error instanceof CollectionNotFoundError) return undefined;
    // A manifest that garbage collection has deleted meanwhile is no longer the current one.
    if (error instanceof CorruptObjectError) throw new PointerMovedError(error.message, { cause: error });
    throw error;
  }
}
