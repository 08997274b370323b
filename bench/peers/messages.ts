/** What the bench and the processes of the comparison say to each other. */
import type { Address, PeerName, World } from './peer.ts';

/**
 * How a writer goes on. `paced`, a closed loop: the next write is begun after the acknowledgement of the one before, and a
 * pause. `open`: the next one is begun at once, and none waits for another, up to `outstanding` at a time.
 */
export interface Load {
  mode: 'paced' | 'open';
  durationMs: number;
  /** Mean; half to one and a half of it. */
  pauseMs: number;
  outstanding: number;
  /** Writes `first`, `first + step`, ... */
  first: number;
  step: number;
}

export type Request =
  /** A client, the `nth` of its peer. */
  | { kind: 'client'; peer: PeerName; address: Address; nth: number }
  | { kind: 'load'; load: Load }
  | { kind: 'write'; n: number }
  /** What clients have to do afterwards. */
  | { kind: 'settle' }
  /** One of our own compactors, which merges whenever something waits. */
  | { kind: 'compactor'; world: World }
  /** One of our own endpoints; answers with its URL. */
  | { kind: 'endpoint'; world: World }
  /** How often our own endpoint has asked store and table since it was last asked this. */
  | { kind: 'probes' }
  | { kind: 'end' };

export interface Answer {
  ack?: { n: number; ms: number; at: number };
  url?: string;
  probes?: number;
  /** Writes that ended with an error, and the first of these. */
  failed?: number;
  reason?: string;
  error?: string;
}
