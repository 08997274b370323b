/** What must hold of ours beside the peers, as ratios within one run, and whether it does. */
import type { Bound } from '../document.ts';
import type { PeerResult, PeersDocument } from './document.ts';
import type { PeerName } from './peer.ts';

const OURS: readonly PeerName[] = ['library', 'endpoint'];
/** The bound on writes is stated for so many. */
const WRITERS = 8;
const MIN_WRITES = 2;
const MAX_QUERY = 1.15;

/** Every bound of which the run measured both sides, and always that nothing acknowledged is lost. */
export function checkPeers({ peers }: Pick<PeersDocument, 'peers'>): Bound[] {
  const find = (wanted: PeerName) => peers.find(({ name }) => name === wanted);
  const bounds: Bound[] = [];
  for (const own of peers.filter(({ name }) => OURS.includes(name))) {
    const lost = lostOf(own);
    bounds.push({
      ...{ name: `${own.name}: acknowledged writes that are lost`, limit: '= 0' },
      ...{ value: lost, holds: lost === 0, timing: false },
    });
    const [ours, theirs] = [own, find('lancedb')].map(writesPerSecond);
    if (ours === undefined || theirs === undefined) continue;
    const ratio = ours / theirs;
    bounds.push({
      ...{ name: `${own.name}: acknowledged per second of LanceDB's, ${WRITERS} writers without pauses` },
      ...{ limit: `>= ${MIN_WRITES}`, value: rounded(ratio), holds: ratio >= MIN_WRITES, timing: true },
    });
  }
  const ours = find('endpoint')?.queriesIndexOnly?.plain.p50Ms;
  const theirs = find('chroma')?.queries?.plain.p50Ms;
  if (typeof ours === 'number' && typeof theirs === 'number') {
    const ratio = ours / theirs;
    bounds.push({
      ...{ name: "endpoint: query p50 at `index_only` of a Chroma server's", limit: `<= ${MAX_QUERY}` },
      ...{ value: rounded(ratio), holds: ratio <= MAX_QUERY, timing: true },
    });
  }
  return bounds;
}

/** Was all of ours measured, and does what the run fails by hold? */
export function isGood({ peers, bounds, run }: PeersDocument): boolean {
  const isWhole = peers.every(({ name, skipped }) => skipped === undefined || !OURS.includes(name));
  return isWhole && bounds.every(({ holds, timing }) => holds || (timing && !run.failsOnTiming));
}

function lostOf({ loads, crash }: PeerResult): number {
  return loads.reduce((sum, { lost }) => sum + lost, crash?.lost ?? 0);
}

function writesPerSecond(peer: PeerResult | undefined): number | undefined {
  return peer?.loads.find(({ mode, writers }) => mode === 'open' && writers === WRITERS)?.perSecond;
}

function rounded(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toFixed(4)) : null;
}
