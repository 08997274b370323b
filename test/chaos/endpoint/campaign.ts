/** Rounds in a row over one store and one table, with two endpoints and two compactors, beside one plain Chroma. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ChromaApiEngine } from '../../../lambdas/adapters/chroma/api-engine.ts';
import { createDynamoClient } from '../../../lambdas/adapters/table/dynamo-client.ts';
import type { ApiServer, Executions, Ports, Telemetry } from '../../../lambdas/ports.ts';
import { composePorts } from '../../../lambdas/runtime/compose.ts';
import { parseConfig } from '../../../lambdas/runtime/config.ts';
import { startTable } from '../../../local/table.ts';
import { Random } from '../../simulation/random.ts';
import { Crew } from '../crew.ts';
import { lingeringServers } from '../processes.ts';
import { releaser } from '../release.ts';
import type { Ask } from './client.ts';
import { ENDPOINTS, planRound, WORKERS } from './plan.ts';
import { playRound, type RoundResult } from './round.ts';
import { Slot } from './slot.ts';

/** Short enough that what the dead held expires within a round. */
const LEASES = { LOCK_DURATION_MINUTES: '0.04', HEARTBEAT_INTERVAL_SECONDS: '1' };
const SILENT: Telemetry = { metric: () => {}, info: () => {}, warn: () => {} };

export interface CampaignReport {
  rounds: number;
  seed: number;
  acknowledged: number;
  retried: number;
  reads: number;
  /** Killed by SIGKILL. */
  endpoints: number;
  compactors: number;
  numbers: number;
  differences: string[];
  seconds: number;
  /** Where everything is, if there are differences. */
  kept: string | null;
}

export async function runCampaign(
  rounds: number,
  seed: number,
  onRound: (round: number, result: RoundResult) => void = () => {},
): Promise<CampaignReport> {
  const started = performance.now();
  const root = await mkdtemp(join(tmpdir(), 'compactor-chaos-'));
  const table = await startTable();
  const env = (who: string) => ({
    STORE_URL: pathToFileURL(join(root, 'store')).href,
    TABLE_NAME: table.tableName,
    CACHE_DIRECTORY: join(root, 'cache'),
    WORK_DIRECTORY: join(root, who),
    ...LEASES,
  });
  const differences: string[] = [];
  const onDeath = (why: string) => differences.push(why);
  const temporary = join(root, 'tmp');
  await mkdir(temporary);
  let hired = 0;
  const hire = () => new Slot({ env: env(`endpoint-${++hired}`), tableEndpoint: table.endpoint }, temporary, onDeath);
  const config = { env: env('work'), tableEndpoint: table.endpoint };
  const crew = new Crew(WORKERS, config, new Random(seed), {
    onEnd: ({ execution, status, error = '', cause = '' }) => {
      if (status !== 'SUCCEEDED') differences.push(`${execution} failed: ${error}: ${cause.slice(0, 500)}`);
    },
    onMerge: () => {},
    onDeath,
  });
  const dynamo = createDynamoClient(table.clientConfig);
  const executions: Executions = {
    start: async (_name, { collection }) => {
      crew.start(collection);
      return 'started';
    },
    status: async (arn) => (crew.isRunning(arn) ? 'RUNNING' : 'ABORTED'),
  };
  const ports: Ports = { ...composePorts(parseConfig(env('check')), SILENT, { dynamo }), executions };
  const slots = Array.from({ length: ENDPOINTS }, hire);
  const results: RoundResult[] = [];
  let plain: ApiServer | undefined;
  try {
    plain = await new ChromaApiEngine().startScratch();
    await Promise.all([crew.ready(), ...slots.map((slot) => slot.ready())]);
    const world = { ports, crew, slots, hire, plain: asker(plain), release: releaser(ports) };
    for (let round = 1; round <= rounds; round++) {
      const result = await playRound(world, `round-${round}`, planRound(seed, round)).catch((error: unknown) => {
        differences.push(`round ${round}: ${error instanceof Error ? error.stack : String(error)}`);
      });
      if (result === undefined) break;
      results.push(result);
      result.differences.push(...(await leftBehind(root, process.pid)));
      differences.push(...result.differences.map((difference) => `round ${round}: ${difference}`));
      onRound(round, result);
    }
    for (const slot of slots) await slot.close();
    await crew.close();
    differences.push(...(await leftBehind(root)));
  } finally {
    for (const slot of slots) await slot.close();
    for (const worker of crew.workers()) await worker.kill();
    await plain?.close();
    dynamo.destroy();
    await table.close();
    if (differences.length === 0) await rm(root, { recursive: true, force: true });
  }
  const sum = (value: (result: RoundResult) => number) => results.reduce((total, result) => total + value(result), 0);
  return {
    ...{ rounds: results.length, seed, differences },
    acknowledged: sum(({ acknowledged }) => acknowledged),
    retried: sum(({ retried }) => retried),
    reads: sum(({ reads }) => reads),
    endpoints: sum(({ endpoints }) => endpoints),
    compactors: sum(({ compactors }) => compactors),
    numbers: sum(({ numbers }) => numbers),
    seconds: Math.round((performance.now() - started) / 1_000),
    kept: differences.length === 0 ? null : root,
  };
}

/** Servers that nobody owns any more. They are killed, so that each is told of once. */
async function leftBehind(root: string, owner?: number): Promise<string[]> {
  const found = await lingeringServers(root, owner);
  for (const { pid } of found) process.kill(pid, 'SIGKILL');
  return found.map(({ command }) => `still running: ${command}`);
}

/**
 * One request at a time: plain Chroma under concurrent writes sometimes shows an older embedding of a record beside its newest
 * metadata, and is to say what is right.
 */
function asker(server: ApiServer): Ask {
  let line: Promise<unknown> = Promise.resolve();
  return (method, path, body) => {
    const answer = line.then(() => server.send({ method, path, body, contentType: 'application/json' }));
    line = answer.catch(() => {});
    return answer.then(({ status, body: text }) => ({ status, text }));
  };
}
