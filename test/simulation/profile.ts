/**
 * What a world is like, drawn from its seed: how many producers and deltas, and which faults are on and how often. Most
 * worlds have few kinds of faults, so that each kind is met in a world that otherwise works (swarm testing).
 */
import { ANCESTRY_LENGTH } from '../../lambdas/snapshot/manifest.ts';
import { MAX_ROUNDS } from '../../statemachine/contract.ts';
import type { Random } from './random.ts';

/** Probabilities are per call or per invocation, as named. */
export interface Profile {
  collections: string[];
  /** Beyond version 64, with a ledger that is large and not settled. */
  isOld: boolean;
  deltas: number;
  /** Longest pause of a producer between two deltas. */
  paceMs: number;
  /** Longest ordinary latency of a call. */
  latencyMs: number;
  maxDeltasPerCommit: number;
  maxBytesPerCommit: number;
  /** Plans of one execution until it hands over: the product's limit, or as if most of them had been made. */
  maxRounds: number;
  /** Objects per page of a listing. */
  pageSize: number;
  // per call
  lostRequest: number;
  lostResponse: number;
  lateLanding: number;
  conflict409: number;
  /** Of calls on pointers, besides: answers to writes, and reads, are lost. */
  pointerFault: number;
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
  /** Executions that are asked for a vacuum. */
  vacuums: number;
  /** A directory is imported as one more collection. */
  imports: number;
  /** Rollbacks that follow a commit at once, with a collection behind them: more than an ancestry is long. */
  burst: number;
  /** Made before tables had an identity. */
  isLegacy: boolean;
  /** What another stack, whose table has the same name, tries on this store. */
  intrusions: number;
  /** Of versions that were replaced. */
  retainMs: number;
  /** Blocks that change on the local disk, in a directory that nobody uses. */
  rot: number;
  /** Blocks that the local disk does not take as they are given, while a version is fetched. */
  badWrites: number;
  /** Of servers that readers start: it finds fewer records than there are. */
  shortOpens: number;
  /** Processes that append to the log and read beside it, and what is written through all of them. */
  endpoints: number;
  logWrites: number;
  endpointCrash: number;
  /** Of questions to copies: the server that is asked dies. */
  serverDeath: number;
  /** Creations, renames, drops and the like that clients ask of endpoints. */
  nameDeeds: number;
  /** The store counts whole seconds, as S3 does. */
  wholeSeconds: boolean;
  /** Commits rewrite little, and the smallest snapshots are defragmented. */
  isFragile: boolean;
  // per delta
  duplicate: number;
  resend: number;
  reuse: number;
  overwrite: number;
  poison: number;
  /** Of deltas that delete every record. */
  wipe: number;
  /** Of deltas at which the engine gives no answer. */
  heavy: number;
}

/** A delta has 300 to 900 bytes. */
const PLENTY = 64 * 1024 * 1024;
/** More commits than a manifest names ancestors. */
const BURST = ANCESTRY_LENGTH + 4;

export function drawProfile(random: Random): Profile {
  const some = (probability: number, from: number, to: number) =>
    random.chance(probability) ? from + random.next() * (to - from) : 0;
  return {
    collections: random.chance(0.2) ? ['books', 'films'] : ['books'],
    isOld: random.chance(0.02),
    deltas: random.chance(0.03) ? random.int(8, 16) : random.pick([1, 2, 2, 2, 3, 3, 5]),
    paceMs: random.logarithmic(5, 60_000),
    latencyMs: random.logarithmic(2, 1_000),
    maxDeltasPerCommit: random.pick([1, 2, 500, 500]),
    maxBytesPerCommit: random.pick([PLENTY, PLENTY, PLENTY, 600, 1_500]),
    maxRounds: random.chance(0.2) ? random.int(1, 3) : MAX_ROUNDS,
    pageSize: random.pick([1, 2, 1_000]),
    lostRequest: some(0.4, 0.002, 0.04),
    lostResponse: some(0.5, 0.002, 0.05),
    lateLanding: some(0.4, 0.002, 0.04),
    conflict409: some(0.3, 0.01, 0.1),
    pointerFault: some(0.1, 0.02, 0.15),
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
    burst: random.chance(0.015) ? BURST : 0,
    imports: random.chance(0.06) ? 1 : 0,
    rot: random.chance(0.2) ? random.int(1, 3) : 0,
    badWrites: random.chance(0.15) ? random.int(1, 3) : 0,
    shortOpens: some(0.2, 0.1, 0.5),
    heavy: some(0.25, 0.1, 0.6),
    ...owner(random),
    retainMs: random.chance(0.4) ? random.logarithmic(1_000, 10_000_000) : 0,
    wipe: some(0.2, 0.1, 0.5),
    vacuums: random.chance(0.3) ? random.int(1, 3) : 0,
    endpoints: random.chance(0.4) ? random.int(1, 3) : 0,
    logWrites: random.int(2, 14),
    endpointCrash: some(0.5, 0.1, 0.7),
    serverDeath: some(0.3, 0.02, 0.2),
    nameDeeds: random.chance(0.5) ? random.int(3, 16) : 0,
    wholeSeconds: random.chance(0.5),
    isFragile: random.chance(0.5),
  };
}

/** In a world from before identities another stack could take the store over: it must be alone there. */
function owner(random: Random): Pick<Profile, 'isLegacy' | 'intrusions'> {
  const isLegacy = random.chance(0.2);
  return { isLegacy, intrusions: !isLegacy && random.chance(0.3) ? random.int(1, 4) : 0 };
}
