/** From samples to what is reported. */
import type { Contender, Side } from './document.ts';
import type { Counts, Held } from './network/meter.ts';
import { dollarsOf } from './prices.ts';
import type { ContentionOutcome } from './scenarios/contention.ts';
import { median, percentile } from './statistics.ts';
import type { Sample } from './worker.ts';

const GB = 1e9;

/** US dollars for what was counted. DELETE is free, and so is traffic within the region. */
export function dollars(counts: Counts): number {
  return dollarsOf({
    storeWrites: counts.storePuts + counts.storeLists,
    storeReads: counts.storeGets,
    tableWrites: counts.tableWriteUnits,
    tableReads: counts.tableReadUnits,
    cacheGbRead: counts.cacheBytesRead / GB,
    cacheGbWritten: counts.cacheBytesWritten / GB,
    stateTransitions: counts.transitions,
    lambdaRequests: counts.lambdaRequests,
    lambdaGbSeconds: counts.lambdaGbSeconds,
  });
}

/** Lock or claim held by one compaction, all phases together. */
function heldMs(held: readonly Held[], what: Held['what']): number {
  return held.reduce((sum, one) => sum + (one.what === what ? one.ms : 0), 0);
}

export function summarise(samples: readonly Sample[]): Side {
  const p50 = (of: (sample: Sample) => number) => median(samples.map(of));
  const most = (of: (sample: Sample) => number) => Math.max(...samples.map(of));
  const counted = (...names: Array<keyof Counts>) =>
    p50(({ counts }) => names.reduce((sum, name) => sum + counts[name], 0));
  const lock = samples.map(({ held }) => heldMs(held, 'lock'));
  const claim = samples.map(({ held }) => heldMs(held, 'claim'));
  const hasClaim = samples.some(({ held }) => held.some(({ what }) => what === 'claim'));
  const states = [...new Set(samples.flatMap(({ stateMs = {} }) => Object.keys(stateMs)))];
  return {
    lockHeldMsP50: round(percentile(lock, 0.5)),
    lockHeldMsP99: round(percentile(lock, 0.99)),
    claimHeldMsP50: hasClaim ? round(percentile(claim, 0.5)) : null,
    claimHeldMsP99: hasClaim ? round(percentile(claim, 0.99)) : null,
    wallMs: round(p50(({ wallMs }) => wallMs)),
    wallMsP99: round(
      percentile(
        samples.map(({ wallMs }) => wallMs),
        0.99,
      ),
    ),
    cpuMs: round(p50(({ cpuMs }) => cpuMs)),
    engineCpuMs: round(p50(({ engineCpuMs }) => engineCpuMs)),
    peakMemoryBytes: most(({ peakBytes }) => peakBytes),
    startMemoryBytes: most(({ startBytes }) => startBytes),
    storeBytesUp: counted('storeBytesUp'),
    storeBytesDown: counted('storeBytesDown'),
    cacheBytes: counted('cacheBytesRead', 'cacheBytesWritten'),
    cacheBytesRead: counted('cacheBytesRead'),
    cacheBytesWritten: counted('cacheBytesWritten'),
    requests: counted(...STORE, ...TABLE, 'cacheRequests'),
    storeRequests: counted(...STORE),
    tableRequests: counted(...TABLE),
    cacheRequests: counted('cacheRequests'),
    writes: counted('storePuts', 'storeDeletes', 'tableWrites'),
    lockAttempts: counted('lockAttempts'),
    engineStarts: counted('engineStarts'),
    transitions: counted('transitions'),
    mergesDiscarded: counted('mergesDiscarded'),
    ...(samples.some(({ defragmentedBytes = 0 }) => defragmentedBytes > 0) && {
      defragmentedBytes: Math.round(
        samples.reduce((sum, one) => sum + (one.defragmentedBytes ?? 0), 0) / samples.length,
      ),
    }),
    usdPer1000: round(1_000 * p50(({ counts }) => dollars(counts)), 4),
    ...(states.length === 0
      ? {}
      : {
          stateMs: Object.fromEntries(
            states.map((state) => [state, round(p50(({ stateMs }) => stateMs?.[state] ?? 0))]),
          ),
        }),
  };
}

const STORE = ['storeGets', 'storePuts', 'storeLists', 'storeDeletes'] as const;
const TABLE = ['tableReads', 'tableWrites'] as const;

export function summariseContention(outcome: ContentionOutcome): Contender {
  const { counts, submitted, lost, duplicated, wallMs } = outcome;
  const locks = outcome.held.flatMap(({ what, ms }) => (what === 'lock' ? ms : []));
  const percent = (part: number, whole: number) => (whole === 0 ? 0 : round((100 * part) / whole));
  return {
    deltasPerSecond: round((submitted - lost) / (wallMs / 1_000), 3),
    collisionPct: percent(counts.lockCollisions, counts.lockAttempts),
    delegatedPct: percent(counts.delegations, counts.executions),
    submitted,
    lost,
    duplicated,
    mergesDiscarded: counts.mergesDiscarded,
    lockAttempts: counts.lockAttempts,
    executions: counts.executions,
    lockHeldMsP50: round(percentile(locks, 0.5)),
    lockHeldMsP99: round(percentile(locks, 0.99)),
    seconds: round(wallMs / 1_000),
  };
}

function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
