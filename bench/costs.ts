/**
 * `npm run bench:costs -- [--only <name>] [--json]`: legal deltas that cost more than their bytes say. Exits with 1 when
 * one cannot be merged, or takes more requests, bytes in one request, or memory than it may.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Command, Option } from 'commander';
import { bytes, columns } from '../cli/output.ts';
import { FileStore } from '../lambdas/adapters/store/file-store.ts';
import { PROCESS_ENVIRONMENT } from '../lambdas/runtime/process-environment.ts';
import { deltaKey } from '../lambdas/snapshot/keys.ts';
import { CASES, type Case, violations } from './costs/cases.ts';
import { COLLECTION, type Cost } from './costs/document.ts';
import { runTasks, task } from './progress.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = join(ROOT, '.work', 'bench');
const RUN = fileURLToPath(new URL('./costs/run.ts', import.meta.url));
const run = promisify(execFile);

const options = new Command('npm run bench:costs --')
  .description('Merges legal deltas that cost more than their bytes say, each in a process of its own: some minutes.')
  .addOption(new Option('--only <name>', 'one of them').choices(CASES.map(({ name }) => name)))
  .option('--json', 'print one JSON document')
  .addHelpText('after', '\nExample:\n  npm run bench:costs -- --only hot-record')
  .parse()
  .opts<{ only?: string; json?: boolean }>();

const chosen = CASES.filter(({ name }) => options.only === undefined || name === options.only);
const costs: Array<Cost & { name: string; bytes: number }> = [];
await mkdir(FOLDER, { recursive: true });
await runTasks(
  chosen.map((one) => task(one.what, async () => void costs.push({ name: one.name, ...(await measure(one)) }))),
  options,
);
const faults = costs.flatMap((cost) => violations(cost.name, cost).map((fault) => `${cost.name}: ${fault}`));
process.stdout.write(options.json ? `${JSON.stringify({ costs, faults }, null, 2)}\n` : `\n${table()}\n`);
if (!options.json && faults.length > 0) process.stdout.write(`\n${faults.join('\n')}\n`);
process.exitCode = faults.length === 0 ? 0 : 1;

async function measure({ before, delta }: Case): Promise<Cost & { bytes: number }> {
  const folder = await mkdtemp(join(FOLDER, 'costs-'));
  try {
    const [store, path] = [join(folder, 'store'), join(folder, 'chroma')];
    await mkdir(path);
    const { records } = await merge(store, path, 'before', before(), 0);
    const body = delta();
    return { bytes: body.length, ...(await merge(store, path, 'delta', body, records)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function merge(store: string, path: string, deltaId: string, body: Uint8Array, records: number): Promise<Cost> {
  await new FileStore(store).putIfAbsent(deltaKey(COLLECTION, deltaId), body);
  const env = { ...process.env, ...PROCESS_ENVIRONMENT };
  const argument = JSON.stringify({ store, path, deltaId, records });
  const { stdout } = await run(process.execPath, ['--expose-gc', RUN, argument], { env });
  return JSON.parse(stdout) as Cost;
}

function table(): string {
  const seconds = (ms: number) => (ms / 1_000).toFixed(1);
  const heading = [
    'delta',
    'bytes',
    'applied',
    'rejected',
    'requests',
    'largest',
    'wall s',
    'Node CPU s',
    'Node peak',
    'stall s',
  ];
  const rows = costs.map((cost) => [
    ...[cost.name, bytes(cost.bytes), cost.operations, cost.rejected, cost.requests, bytes(cost.largestBytes)],
    ...[seconds(cost.wallMs), seconds(cost.cpuMs), bytes(cost.peakBytes), seconds(cost.stallMs)],
  ]);
  return columns([heading, ...rows]);
}
