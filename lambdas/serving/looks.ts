/** What is true of a collection now: its version, and what waits on top of it. */
import {
  CollectionNotFoundError,
  CorruptObjectError,
  ObjectNotFoundError,
  PointerMovedError,
} from '../errors/errors.ts';
import { confirmCurrent, listUnconfirmed } from '../log/read-log.ts';
import { shareNext } from '../log/share-next.ts';
import type { WaitingDelta } from '../log/waiting-delta.ts';
import type { Ports } from '../ports.ts';
import { pointerKey } from '../snapshot/keys.ts';
import { type CurrentVersion, loadCurrent } from '../versions/load-current.ts';
import { readPointer } from '../versions/read-pointer.ts';

export const READ_LEVELS = ['index_and_wal', 'index_only'] as const;
export type ReadLevel = (typeof READ_LEVELS)[number];

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
  confirmed: Promise<void>;
}

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
 * Listing what waits is followed by a check of the pointer anyway, so the version at hand is used without comparing it
 * first.
 */
function withLog(ports: LookPorts, collection: string): () => Promise<Look> {
  let known: CurrentVersion | undefined;
  let turn = 0;
  return shareNext(async () => {
    known ??= await load(ports, collection);
    const current = known;
    if (current === undefined) return { current, waiting: [], turn: ++turn, confirmed: Promise.resolve() };
    const waiting = await listUnconfirmed(ports, collection, current);
    const confirmed = confirmCurrent(ports, collection, current);
    confirmed.catch(() => {
      if (known === current) known = undefined;
    });
    return { current, waiting, turn: ++turn, confirmed };
  });
}

function withoutLog(ports: LookPorts, collection: string): () => Promise<Look> {
  let last: { look: Look; at: number } | undefined;
  const look = shareNext(async () => {
    const at = ports.clock.monotonic();
    const known = last?.look.current;
    const isKnown =
      known !== undefined && (await readPointer(ports, collection)).pointer.commitId === known.manifest.commitId;
    const current = isKnown ? known : await load(ports, collection);
    const found = { current, waiting: [], turn: (last?.look.turn ?? 0) + 1, confirmed: Promise.resolve() };
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
