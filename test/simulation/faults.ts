/** Which fault a call meets, and how long it takes: drawn from the world's seed, as often as its profile says. */
import type { Counts } from './counts.ts';
import type { Profile } from './profile.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

/** What all invocations of a world share. */
export interface Surroundings {
  random: Random;
  scheduler: Scheduler;
  profile: Profile;
  counts: Counts;
  /** So many of the next blocks that are fetched are not kept by the disk as they are written. */
  badWrites: number;
  /** From then on nothing fails any more; what is on its way still arrives. */
  faultsAreOver: boolean;
  violate(what: string): void;
  /** Is it gone, or going, because no name leads to it? */
  isTaken(collection: string): boolean;
}

export interface CallKind {
  /** `<port>.<method>` */
  on: string;
  /** Key, or what else tells calls apart. */
  about?: string;
  isWrite: boolean;
  /** What the caller is told when no answer comes. */
  unavailable: () => Error;
  /** Its effect consists of steps of this process. */
  isLocal?: boolean;
  /** Key of a conditional write on the store, which may meet a racing one. */
  conditional?: string;
}

export type Fault = 'none' | 'lost-request' | 'lost-response' | 'late-landing' | 'conflict';

/** The last one is retried after whole minutes, which outlast lock and claim. */
export const CRASHES = [
  'Lambda.Unknown',
  'Runtime.ExitError',
  'Lambda.ServiceException',
  'Runtime.OutOfMemory',
  'Lambda.EFSIOException',
];
/** @returns until it takes effect, and for how long its process hears of nothing, in virtual milliseconds */
export function drawLatency({ random, profile, faultsAreOver, counts }: Surroundings) {
  const ordinary = 1 + random.next() * profile.latencyMs;
  if (faultsAreOver || !random.chance(profile.stall)) return { waitMs: ordinary, suspendedMs: 0 };
  const stall = random.logarithmic(500, profile.slowestStallMs);
  counts.stalls++;
  return random.chance(0.5) ? { waitMs: ordinary + stall, suspendedMs: 0 } : { waitMs: ordinary, suspendedMs: stall };
}

export function drawFault(
  { random, profile, faultsAreOver }: Surroundings,
  { isWrite, conditional, about = '' }: CallKind,
): Fault {
  if (faultsAreOver) return 'none';
  if (about.startsWith('pointers/') && random.chance(profile.pointerFault)) {
    return isWrite ? 'lost-response' : 'lost-request';
  }
  if (random.chance(profile.lostRequest)) return 'lost-request';
  if (random.chance(profile.lostResponse)) return 'lost-response';
  if (isWrite && random.chance(profile.lateLanding)) return 'late-landing';
  if (conditional !== undefined && random.chance(profile.conflict409)) return 'conflict';
  return 'none';
}
