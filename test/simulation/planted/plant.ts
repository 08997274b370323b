/** Where a bug can be put without a switch in the product: at the ports, in the table, or in the place of a handler. */
import type { LockTable, ObjectStore, Ports } from '../../../lambdas/ports.ts';
import type { DirectoryWrapper } from '../gated-directory.ts';
import type { Profile } from '../profile.ts';
import type { Transitions } from '../table.ts';

/** In the place of a handler, by its name: it may call the real one. */
export type BuggyStep = (
  context: { ports: Ports; execution: string },
  // biome-ignore lint/suspicious/noExplicitAny: each handler has its own input.
  input: any,
  // biome-ignore lint/suspicious/noExplicitAny: and output.
  real: (input: any) => Promise<any>,
) => Promise<unknown>;

/** Made anew for every world, so that it may remember. */
export interface Plant {
  /** Below the calls' turns: one effect is one step. */
  store?: (store: ObjectStore) => ObjectStore;
  locks?: (locks: LockTable) => LockTable;
  transitions?: Transitions;
  wrapDirectory?: DirectoryWrapper;
  /** Above them: what one invocation sees. */
  ports?: (ports: Ports, execution: string) => Ports;
  steps?: Record<string, BuggyStep>;
  /** What the world must be like for the bug to have its occasion. */
  profile?: Partial<Profile>;
  /** Violations that count, when others are not the point. */
  lookFor?: RegExp;
}

export const NOTHING: Plant = {};
