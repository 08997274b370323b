/** Rounds in a row over one directory store, one cache directory, one set of working directories and one table. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createDynamoClient } from '../../lambdas/adapters/table/dynamo-client.ts';
import type { Executions, Ports, Telemetry } from '../../lambdas/ports.ts';
import { composePorts } from '../../lambdas/runtime/compose.ts';
import { parseConfig } from '../../lambdas/runtime/config.ts';
import { startTable } from '../../local/table.ts';
import { Random } from '../simulation/random.ts';
import { Crew, type ExecutionEnd } from './crew.ts';
import { type Phase, TARGETS, type Target } from './phases.ts';
import { lingeringServers } from './processes.ts';
import { releaser } from './release.ts';
import { playRound, type RoundResult, type World } from './round.ts';

const WORKERS = 3;
const KILLS_PER_ROUND = 3;
/** Short enough that what the dead held expires within a round. */
const LEASES = { LOCK_DURATION_MINUTES: '0.04', HEARTBEAT_INTERVAL_SECONDS: '1' };
const SILENT: Telemetry = { metric: () => {}, info: () => {}, warn: () => {} };

export interface CampaignOptions {
  rounds: number;
  /** Of everything that is chosen here; the operating system chooses the rest. */
  seed: number;
  onRound?: (round: number, result: RoundResult) => void;
}

export interface CampaignReport {
  rounds: number;
  seed: number;
  /** Executions killed, by the phase that they were in. */
  kills: Record<string, number>;
  idleKills: number;
  /** Targeted phases that no kill hit. */
  phasesNotHit: Target[];
  deltas: number;
  operations: number;
  duplicates: number;
  reusesTaken: number;
  reusesRefused: number;
  versions: number;
  /** Merges by the condition in which they found their working directory. */
  hydrations: Record<string, number>;
  /** Executions that failed, by error: every one of them is a difference. */
  failures: Record<string, number>;
  differences: string[];
  seconds: number;
  /** Where everything is, if there are differences. */
  kept: string | null;
}

export async function runCampaign({ rounds, seed, onRound }: CampaignOptions): Promise<CampaignReport> {
  const started = performance.now();
  const root = await mkdtemp(join(tmpdir(), 'compactor-chaos-'));
  const table = await startTable();
  const env = {
    STORE_URL: pathToFileURL(join(root, 'store')).href,
    TABLE_NAME: table.tableName,
    CACHE_DIRECTORY: join(root, 'cache'),
    WORK_DIRECTORY: join(root, 'work'),
    ...LEASES,
  };
  const results: RoundResult[] = [];
  const hydrations: Record<string, number> = {};
  const failures: Record<string, number> = {};
  const differences: string[] = [];
  const random = new Random(seed);
  const releases = new Set<Promise<void>>();
  const onEnd = ({ execution, status, error = '', cause = '' }: ExecutionEnd, collection: string) => {
    if (status === 'SUCCEEDED') return;
    count(failures, error);
    differences.push(`${execution} of ${collection} failed: ${error}: ${cause.slice(0, 500)}`);
    const release = world.release(collection, execution).finally(() => releases.delete(release));
    releases.add(release);
  };
  const crew = new Crew(WORKERS, { env, tableEndpoint: table.endpoint }, random, {
    onEnd,
    onMerge: (from) => count(hydrations, from),
    onDeath: (why) => differences.push(why),
  });
  const dynamo = createDynamoClient(table.clientConfig);
  const executions: Executions = {
    start: async (_name, { collection }) => {
      crew.start(collection);
      return 'started';
    },
    status: async (arn) => (crew.isRunning(arn) ? 'RUNNING' : 'ABORTED'),
  };
  const composed = composePorts(parseConfig({ ...env, WORK_DIRECTORY: join(root, 'check') }), SILENT, { dynamo });
  const ports: Ports = { ...composed, executions };
  const release = releaser(ports);
  const released = async () => {
    await Promise.all(releases);
  };
  const world: World = { ports, crew, random, release, released };
  try {
    await crew.ready();
    for (let round = 1; round <= rounds; round++) {
      const result = await playRound(world, `round-${round}`, targetsOf(round)).catch((error: unknown) => {
        differences.push(`round ${round}: ${error instanceof Error ? error.stack : String(error)}`);
        return undefined;
      });
      for (const { pid, command } of await lingeringServers(root)) {
        differences.push(`round ${round}: still running: ${command.slice(command.indexOf('--path'))}`);
        // Told once, and not left to whoever comes next.
        process.kill(pid, 'SIGKILL');
      }
      if (result === undefined) break;
      results.push(result);
      differences.push(...result.differences.map((difference) => `round ${round}: ${difference}`));
      onRound?.(round, result);
      if (result.differences.length === 0) await forget(root, result.collection);
    }
    await crew.close();
  } finally {
    for (const worker of crew.workers()) await worker.kill();
    dynamo.destroy();
    await table.close();
    if (differences.length === 0) await rm(root, { recursive: true, force: true });
  }
  return summary();

  function summary(): CampaignReport {
    const kills: Record<string, number> = {};
    for (const phase of results.flatMap((result) => result.kills)) count(kills, phase);
    const sum = (value: (result: RoundResult) => number) => results.reduce((total, result) => total + value(result), 0);
    return {
      rounds: results.length,
      seed,
      kills,
      idleKills: sum((result) => result.idleKills),
      phasesNotHit: TARGETS.filter((target: Phase) => kills[target] === undefined),
      deltas: sum(({ sent }) => sent.deltas),
      operations: sum(({ sent }) => sent.operations),
      duplicates: sum(({ sent }) => sent.duplicates),
      reusesTaken: sum(({ sent }) => sent.reusesTaken),
      reusesRefused: sum(({ sent }) => sent.reusesRefused),
      versions: sum((result) => result.versions),
      hydrations,
      failures,
      differences,
      seconds: Math.round((performance.now() - started) / 1_000),
      kept: differences.length === 0 ? null : root,
    };
  }
}

/** Every phase in turn, over the rounds. */
function targetsOf(round: number): Target[] {
  const first = (round - 1) * KILLS_PER_ROUND;
  return Array.from({ length: KILLS_PER_ROUND }, (_, n) => TARGETS[(first + n) % TARGETS.length] as Target);
}

/** A round that went well leaves nothing behind, so that a hundred of them fit on a disk. */
async function forget(root: string, collection: string): Promise<void> {
  const folders = ['manifests', 'packs', 'deltas', 'rejected'].map((kind) => join(root, 'store', kind, collection));
  const cached = ['manifests', 'packs'].map((kind) => join(root, 'cache', 'objects', kind, collection));
  for (const folder of [...folders, ...cached]) await rm(folder, { recursive: true, force: true });
  await rm(join(root, 'store', 'pointers', `${collection}.json`), { force: true });
}

function count(counts: Record<string, number>, what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}
