/** What came up in a run: a campaign in which one of these stays zero has not tried what it claims. */
export const COUNTED = [
  'commits',
  'conflicts',
  'rebases',
  'delegations',
  'executions',
  'crashes',
  'zombies',
  'stalls',
  'ambiguousWrites',
  'lateLandings',
  'fences',
  'collectedObjects',
  'takenCollections',
  'rollbacks',
  'vacuums',
  'emptied',
  'defragmentations',
  'bursts',
  'imports',
  'handOvers',
  'oldWorlds',
  'redrives',
  'stops',
  'lockDeletions',
  'rottenBlocks',
  'badWrites',
  'shortOpens',
  'intrusions',
  'refusedIntrusions',
  'reads',
  'answers',
  'logged',
  'refusedWrites',
  'takenBack',
  'freshReads',
  'quickLooks',
  'slowLooks',
  'changedReads',
  'indexOnlyReads',
  'nameDeeds',
  'renames',
  'drops',
  'serverDeaths',
  'endpointDeaths',
  'rejections',
  'setAside',
  'reusedIds',
  'overwrites',
  'successors',
  'announcements',
  'excused',
  'judged',
] as const;

export type Counts = Record<(typeof COUNTED)[number], number>;

export function noCounts(): Counts {
  return Object.fromEntries(COUNTED.map((name) => [name, 0])) as Counts;
}

export function addCounts(sum: Counts, more: Counts): void {
  for (const name of COUNTED) sum[name] += more[name];
}
