/** What must hold, as ratios within one run, and whether it does. */
import type { BenchDocument, Bound, ContentionResult, ScenarioResult } from './document.ts';

type Measured = Pick<BenchDocument, 'scenarios' | 'contention'>;

interface Rule {
  name: string;
  /** Scenario that it looks at; without one it is about contention. */
  scenario?: string;
  limit: string;
  value: (scenario: ScenarioResult) => number;
  holds: (value: number) => boolean;
  /** It hangs on how fast this machine is at the moment, and not only on what the protocols do. */
  timing?: true;
}

const MEDIUM = '66mb';
const LARGE = '600mb';
const atMost = (limit: number) => (value: number) => value <= limit;

const KINDS = ['upserts-100', 'updates-50', 'deletes-50', 'upserts-2000'];

const RULES: Rule[] = [
  ...KINDS.map((kind) => lockBound(`${kind}-${MEDIUM}`, 0.12)),
  ...KINDS.map((kind) => busyLockBound(`${kind}-${MEDIUM}`)),
  ...KINDS.map((kind) => lockBound(`${kind}-${LARGE}`, 0.03)),
  {
    name: 'store bytes up of the snapshot',
    scenario: `upserts-100-${MEDIUM}`,
    limit: '<= 0.03',
    value: ({ ours, snapshotBytes }) => ours.storeBytesUp / snapshotBytes,
    holds: atMost(0.03),
  },
  {
    name: 'store bytes up of the changed blocks',
    scenario: `upserts-100-${MEDIUM}`,
    limit: '<= 1.2',
    value: ({ ours, changedBlockBytes }) => ours.storeBytesUp / changedBlockBytes,
    holds: atMost(1.2),
  },
  ...[MEDIUM, LARGE].map(
    (size): Rule => ({
      name: 'store bytes up of the changed blocks',
      scenario: `upserts-2000-${size}`,
      limit: '<= 1.2',
      value: ({ ours, changedBlockBytes }) => ours.storeBytesUp / changedBlockBytes,
      holds: atMost(1.2),
    }),
  ),
  {
    name: 'cache bytes, read and written, of the snapshot',
    scenario: `upserts-100-${MEDIUM}`,
    limit: '<= 0.05',
    value: ({ ours, snapshotBytes }) => ours.cacheBytes / snapshotBytes,
    holds: atMost(0.05),
  },
  {
    name: 'bytes of a reader refresh of a full download',
    scenario: `reader-refresh-${MEDIUM}`,
    limit: '<= 0.03',
    value: ({ ours, baseline }) => ours.storeBytesDown / baseline.storeBytesDown,
    holds: atMost(0.03),
  },
  {
    name: "warm wall time of the baseline's",
    scenario: `upserts-100-${MEDIUM}`,
    limit: '<= 0.6',
    timing: true,
    value: ({ ours, baseline }) => ours.wallMs / baseline.wallMs,
    holds: atMost(0.6),
  },
  {
    name: "warm wall time of the baseline's",
    scenario: `upserts-100-${LARGE}`,
    limit: '<= 0.15',
    timing: true,
    value: ({ ours, baseline }) => ours.wallMs / baseline.wallMs,
    holds: atMost(0.15),
  },
  ...[MEDIUM, LARGE].map(
    (size): Rule => ({
      name: 'engine starts, lock attempts, cache requests and writes with nothing to do',
      scenario: `nothing-to-do-${size}`,
      limit: '= 0',
      value: ({ ours }) => ours.engineStarts + ours.lockAttempts + ours.cacheRequests + ours.writes,
      holds: atMost(0),
    }),
  ),
];

const MAX_WRITERS = 8;
const CONTENTION: Array<Omit<Rule, 'value' | 'scenario'> & { value: (result: ContentionResult) => number }> = [
  {
    name: "deltas per second of the baseline's at 8 writers",
    limit: '>= 10',
    timing: true,
    value: ({ ours, baseline }) => ours.deltasPerSecond / baseline.deltasPerSecond,
    holds: (value) => value >= 10,
  },
  {
    name: 'collisions at 8 writers, % of attempts',
    limit: '< 10',
    timing: true,
    value: ({ ours }) => ours.collisionPct,
    holds: (value) => value < 10,
  },
  {
    name: 'deltas lost or duplicated at 8 writers',
    limit: '= 0',
    value: ({ ours }) => ours.lost + ours.duplicated,
    holds: atMost(0),
  },
  {
    name: 'deltas that the baseline loses under the same load',
    limit: '> 0',
    value: ({ baseline }) => baseline.lost,
    holds: (value) => value > 0,
  },
];

const MEMORY_LIMIT = 256_000_000;

/** Over all scenarios of a size, the coldest included: the largest resident set of any repetition. */
function memoryBounds(scenarios: Measured['scenarios']): Bound[] {
  return [MEDIUM, LARGE].flatMap((size) => {
    const peaks = scenarios.filter(({ name }) => name.endsWith(`-${size}`)).map(({ ours }) => ours.peakMemoryBytes);
    if (peaks.length === 0) return [];
    const rule = { limit: '< 256 MB', holds: (value: number) => value < MEMORY_LIMIT };
    return bound(`${size}: peak memory besides Chroma, bytes`, rule, Math.max(...peaks));
  });
}

/** Every bound whose scenario this run has. */
export function checkBounds({ scenarios, contention }: Measured): Bound[] {
  const found = RULES.flatMap((rule) => {
    const scenario = scenarios.find(({ name }) => name === rule.scenario);
    return scenario === undefined ? [] : bound(`${rule.scenario}: ${rule.name}`, rule, rule.value(scenario));
  });
  found.push(...memoryBounds(scenarios));
  const busiest = contention.find(({ writers }) => writers === MAX_WRITERS);
  if (busiest === undefined) return found;
  return [...found, ...CONTENTION.map((rule) => bound(rule.name, rule, rule.value(busiest)))];
}

function bound(name: string, rule: Pick<Rule, 'limit' | 'holds' | 'timing'>, value: number): Bound {
  const { limit, holds, timing = false } = rule;
  return { name, limit, value: Number.isFinite(value) ? Number(value.toFixed(4)) : null, holds: holds(value), timing };
}

function lockBound(scenario: string, limit: number): Rule {
  return {
    name: "lock held p50 of the baseline's",
    scenario,
    limit: `<= ${limit}`,
    timing: true,
    value: ({ ours, baseline }) => ours.lockHeldMsP50 / baseline.lockHeldMsP50,
    holds: atMost(limit),
  };
}

/** Seen: 0.06 to 0.11 while nine to twenty processes wanted the two cores. */
function busyLockBound(scenario: string): Rule {
  const { timing: _, ...rule } = lockBound(scenario, 0.3);
  return { ...rule, name: `${rule.name}, however busy the machine` };
}
