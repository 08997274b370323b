/** One collection: clients write through endpoints, compactors merge, and both are killed while they do. */
import { setTimeout as wait } from 'node:timers/promises';
import { NamesDirectory } from '../../../lambdas/names/directory.ts';
import type { Ports } from '../../../lambdas/ports.ts';
import type { Crew } from '../crew.ts';
import { type Ask, askInTurn, type Counts, runClient } from './client.ts';
import { checkLog, compareContents } from './judge.ts';
import type { Kill, Plan } from './plan.ts';
import type { Slot } from './slot.ts';

const DATABASE = '/api/v2/tenants/default_tenant/databases/default_database';
/** Ends a round that does not come to rest. */
const REST_MS = 300_000;

export interface World {
  ports: Ports;
  crew: Crew;
  slots: readonly Slot[];
  plain: Ask;
  /** An endpoint that was not there before, with empty directories. */
  hire(): Slot;
  release(collection: string, execution: string): Promise<void>;
}

export interface RoundResult extends Counts {
  /** Kills of endpoints and of compactors. */
  endpoints: number;
  compactors: number;
  /** Objects of the log. */
  numbers: number;
  differences: string[];
}

export async function playRound(world: World, name: string, { writes, kills }: Plan): Promise<RoundResult> {
  const { ports, crew, slots, plain } = world;
  const counts: Counts = { acknowledged: 0, retried: 0, reads: 0 };
  const differences: string[] = [];
  const done = { endpoints: 0, compactors: 0 };
  const ask = askInTurn(slots, 0, counts);
  const [path, plainPath] = [await create(ask, name), await create(plain, name)];
  // Nothing is stored before the first write, and nobody needs to be asked for the settings of one that is.
  const directory = new NamesDirectory(ports, () => Promise.reject(new Error('It is there.')));
  const record = await directory.findByName('default_tenant', 'default_database', name);
  const collection = record?.collection ?? '';
  const abandoned: string[] = [];
  const carryOut = async ({ delayMs, victims }: Kill) => {
    if (delayMs > 0) await wait(delayMs);
    const deaths = victims.map(async ({ kind, which }) => {
      const worker = crew.workers()[which];
      if (kind === 'endpoint') {
        done.endpoints++;
        await slots[which]?.kill();
      } else if (worker !== undefined) {
        done.compactors++;
        abandoned.push(...(await crew.kill(worker)).keys());
      }
    });
    await Promise.all(deaths);
  };
  const pending = [...kills];
  const deaths: Array<Promise<void>> = [];
  let sent = 0;
  const onSend = () => {
    sent++;
    while (pending[0] !== undefined && pending[0].afterWrites <= sent) deaths.push(carryOut(pending.shift() as Kill));
  };
  const onAcknowledged = ({ starts }: { starts: boolean }) => {
    if (starts) crew.start(collection);
  };
  await Promise.all(
    writes.map((own, client) =>
      runClient(
        {
          ...{ slots, path, plainPath, plain, counts, onSend, onAcknowledged },
          differ: (text) => differences.push(`client ${client}: ${text}`),
        },
        own,
      ),
    ),
  );
  await Promise.all(deaths);
  const fresh = world.hire();
  try {
    const sides = [
      { ask: askInTurn([fresh], 0, counts), path },
      { ask: plain, path: plainPath },
    ] as const;
    differences.push(...(await compareContents('with what waits', ...sides)));
    await comeToRest(world, collection, abandoned);
    differences.push(...(await compareContents('when all is merged', ...sides)));
  } finally {
    await fresh.close();
  }
  const log = await checkLog(ports, collection);
  return { ...counts, ...done, numbers: log.numbers, differences: [...differences, ...log.differences] };
}

async function create(ask: Ask, name: string): Promise<string> {
  const body = JSON.stringify({ name, get_or_create: true, configuration: { hnsw: { space: 'l2' } } });
  const { status, text } = await ask('POST', `${DATABASE}/collections`, body);
  if (status !== 200) throw new Error(`The collection was not created: ${status}: ${text}`);
  return `${DATABASE}/collections/${(JSON.parse(text) as { id: string }).id}`;
}

/** Release the dead, as production does, and merge what waits. */
async function comeToRest({ crew, release }: World, collection: string, abandoned: readonly string[]): Promise<void> {
  for (const execution of abandoned) await release(collection, execution);
  crew.start(collection);
  const deadline = performance.now() + REST_MS;
  while (crew.runningExecutions > 0 && performance.now() < deadline) {
    await Promise.race([crew.idle(), wait(1_000, undefined, { ref: false })]);
  }
  if (crew.runningExecutions > 0) throw new Error(`After ${REST_MS} ms executions are still running.`);
}
