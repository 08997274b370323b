/** The comparison as tables, and as it is kept in `bench/results/`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { boundsTable, markdown } from '../report/table.ts';
import type { PeerResult, PeersDocument, Spread } from './document.ts';
import type { PeerName } from './peer.ts';

const TITLES: Readonly<Record<PeerName, string>> = {
  chroma: 'a Chroma server',
  lancedb: 'LanceDB on S3',
  predecessor: 'the predecessor',
  library: 'ours, by the library',
  endpoint: 'ours, by the endpoint',
};

/** What is durable when a write is acknowledged. */
const DURABLE: Readonly<Record<PeerName, string>> = {
  chroma: 'in the log on one disk',
  lancedb: 'committed in S3',
  predecessor: 'in S3, and in a queue that may skip it',
  library: 'in S3, and will be committed or reported',
  endpoint: 'in S3, in one order for all readers',
};

const ms = (value: number | null | undefined) =>
  value === null || value === undefined
    ? '–'
    : value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 });
const both = (spread: Spread | undefined) => (spread === undefined ? '–' : `${ms(spread.p50Ms)} / ${ms(spread.p99Ms)}`);

export function peersTables(document: PeersDocument): string {
  const { peers } = document;
  return [
    `### Writes of ten records\n\nPaced: a closed loop, in which each writer waits for the acknowledgement and then pauses. Open: no pauses, several writes of each writer on their way. The backlog is what waited for a commit when the writers stopped; drained is how long until nothing did.\n\n${markdown(
      [
        ['peer', 'mode', 'writers', 'acknowledged per s', 'p50 / p99 ms', 'failed', 'backlog', 'drained in s', 'lost'],
        ...peers.flatMap(loadRows),
      ],
    )}`,
    `### Queries, freshness, SIGKILL\n\nMilliseconds, p50 / p99, of ten neighbours; fresh is from acknowledged to seen by another process.\n\n${markdown(
      [
        ['peer', 'query', 'with where', 'fresh', 'acknowledged is', 'killed: lost of acknowledged'],
        ...peers.flatMap(otherRows),
      ],
    )}`,
    ...peers.flatMap(({ name, skipped }) => (skipped === undefined ? [] : [`**${TITLES[name]}**: ${skipped}`])),
    ...[boundsTable(document)].filter((text) => text !== ''),
  ].join('\n\n');
}

function loadRows({ name, loads }: PeerResult): Array<Array<string | number>> {
  return loads.map((load) => [
    TITLES[name],
    load.mode,
    load.writers,
    load.perSecond.toFixed(1),
    both(load.latency),
    load.failed,
    load.backlog,
    `${(load.drainMs / 1_000).toFixed(1)}${load.left > 0 ? `, ${load.left} left` : ''}`,
    load.left > 0 ? '–' : load.lost,
  ]);
}

function otherRows({ name, queries, queriesIndexOnly, freshness, crash }: PeerResult): Array<Array<string | number>> {
  const killed = crash === undefined ? '–' : `${crash.lost} of ${crash.acknowledged}`;
  const rows = [[TITLES[name], both(queries?.plain), both(queries?.where), both(freshness), DURABLE[name], killed]];
  if (queriesIndexOnly !== undefined) {
    rows.push([
      `${TITLES[name]}, \`index_only\``,
      both(queriesIndexOnly.plain),
      both(queriesIndexOnly.where),
      '',
      '',
      '',
    ]);
  }
  return rows;
}

/** Writes `peers.json` and `peers.md`. */
export async function savePeers(folder: string, document: PeersDocument): Promise<void> {
  const { date, commit, command, machine, node, engine, network, seconds } = document.run;
  const heading =
    `# \`${command}\`\n\nCommit ${commit}, ${date}, on ${machine}; Node.js ${node}, ${engine}; behind the network model ` +
    `\`${network}\`; ${document.records.toLocaleString('en')} records of ${document.dimension} numbers to begin with. It took ` +
    `${Math.round(seconds)} s. What is measured, and how: [README.md](README.md).`;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'peers.json'), `${JSON.stringify(document, null, 2)}\n`);
  await writeFile(join(folder, 'peers.md'), `${heading}\n\n${peersTables(document)}\n`);
}
