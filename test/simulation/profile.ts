/**
 * What a world is like, drawn from its seed: how many producers and deltas, and which faults are on and how often. Most
 * worlds have few kinds of faults, so that each kind is met in a world that otherwise works (swarm testing).
 */
import type { Random } from './random.ts';

/** Probabilities are per call or per invocation, as named. */
export interface Profile {
  collections: string[];
  deltas: number;
  /** Longest pause of a producer between two deltas. */
  paceMs: number;
  /** Longest ordinary latency of a call. */
  latencyMs: number;
  maxDeltasPerCommit: number;
  /** Objects per page of a listing. */
  pageSize: number;
  // per call
  lostRequest: number;
  lostResponse: number;
  lateLanding: number;
  conflict409: number;
  /** The call, or its response, takes seconds to hours. */
  stall: number;
  slowestStallMs: number;
  cacheFault: number;
  // per invocation
  crash: number;
  /** Of invocations of FinishCompaction. */
  finishCrash: number;
  skewedClock: number;
  frozenClock: number;
  // per world
  stops: number;
  redrive: number;
  lockDeletions: number;
  vandalism: number;
  readers: number;
  garbageRuns: number;
  retainVersions: number;
  rollbacks: number;
  /** Blocks that change on the local disk, in a directory that nobody uses. */
  rot: number;
  // per delta
  duplicate: number;
  resend: number;
  reuse: number;
  overwrite: number;
  poison: number;
}

export function drawProfile(random: Random): Profile {
  const some = (probability: number, from: number, to: number) =>
    random.chance(probability) ? from + random.next() * (to - from) : 0;
  return {
    collections: random.chance(0.2) ? ['books', 'films'] : ['books'],
    deltas: random.pick([1, 2, 2, 2, 3, 3, 5]),
    paceMs: random.logarithmic(5, 60_000),
    latencyMs: random.logarithmic(2, 1_000),
    maxDeltasPerCommit: random.pick([1, 2, 500, 500]),
    pageSize: random.pick([1, 2, 1_000]),
    lostRequest: some(0.4, 0.002, 0.04),
    lostResponse: some(0.5, 0.002, 0.05),
    lateLanding: some(0.4, 0.002, 0.04),
    conflict409: some(0.3, 0.01, 0.1),
    stall: some(0.5, 0.002, 0.03),
    slowestStallMs: random.pick([2_000, 100_000, 1_000_000, 10_000_000]),
    cacheFault: some(0.2, 0.01, 0.2),
    crash: some(0.4, 0.01, 0.12),
    finishCrash: some(0.4, 0.1, 0.6),
    skewedClock: some(0.25, 0.1, 0.6),
    frozenClock: some(0.15, 0.05, 0.3),
    stops: random.chance(0.2) ? random.int(1, 2) : 0,
    redrive: some(0.7, 0.2, 1),
    lockDeletions: random.chance(0.2) ? random.int(1, 4) : 0,
    vandalism: random.chance(0.25) ? random.int(1, 3) : 0,
    readers: random.chance(0.3) ? 1 : 0,
    garbageRuns: random.chance(0.4) ? random.int(1, 3) : 0,
    retainVersions: random.int(1, 3),
    duplicate: some(0.3, 0.1, 0.5),
    resend: some(0.4, 0.2, 0.8),
    reuse: some(0.3, 0.1, 0.6),
    overwrite: some(0.25, 0.1, 0.5),
    poison: some(0.3, 0.1, 0.5),
    rollbacks: random.chance(0.3) ? random.int(1, 2) : 0,
    rot: random.chance(0.2) ? random.int(1, 3) : 0,
  };
}
