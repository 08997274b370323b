/** What `npm run bench:peers -- --json` prints, and `bench/results/peers.json` keeps. */
import { z } from 'zod';
import { runDescription } from '../describe-run.ts';
import { bound } from '../document.ts';
import { PEERS } from './peer.ts';

const count = z.int().nonnegative();
const ms = z.number().nonnegative();
const spread = z.object({ count, p50Ms: ms.nullable(), p99Ms: ms.nullable() });

/** Writers of one mode, all at once. */
const load = z.object({
  mode: z.enum(['paced', 'open']),
  writers: z.int().positive(),
  acknowledged: count,
  perSecond: z.number(),
  latency: spread,
  /** Writes that the peer did not acknowledge, and what the first of them was told. */
  failed: count,
  reason: z.string().optional(),
  /** What waited when the writers stopped, and how long until nothing did: the drain of a backlog. */
  backlog: count,
  drainMs: ms,
  /** Of it that still waited when the bench gave up. */
  left: count,
  /** Acknowledged, and not whole at the end. */
  lost: count,
});

const crash = z.object({ acknowledged: count, lost: count });

export const peersDocument = z.object({
  run: runDescription.extend({ network: z.enum(['local', 'aws']), isQuick: z.boolean(), failsOnTiming: z.boolean() }),
  records: z.int().positive(),
  dimension: z.int().positive(),
  recordsPerWrite: z.int().positive(),
  peers: z.array(
    z.object({
      name: z.enum(PEERS),
      /** Why it was not measured, or not to its end. */
      skipped: z.string().optional(),
      loads: z.array(load),
      /** At ten neighbours. */
      queries: z.object({ plain: spread, where: spread }).optional(),
      queriesIndexOnly: z.object({ plain: spread, where: spread }).optional(),
      /** From acknowledged to seen by another process. */
      freshness: spread.optional(),
      /** SIGKILL to every process of it, writers included, in mid-run. */
      crash: crash.optional(),
    }),
  ),
  bounds: z.array(bound),
});

export type PeersDocument = z.infer<typeof peersDocument>;
export type PeerResult = PeersDocument['peers'][number];
export type LoadResult = z.infer<typeof load>;
export type Spread = z.infer<typeof spread>;
