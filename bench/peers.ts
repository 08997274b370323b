/**
 * `npm run bench:peers -- [--quick] [--only <peer>] [--network local] [--json] [--save]`: what one would use instead, beside
 * ours, in one run on the same data. Exits with 1 when a bound of `peers/bounds.ts` does not hold; those that hang on the
 * machine's speed count in the full run alone, behind the network model.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { startTable } from '../local/table.ts';
import { commandOf, describeRun } from './describe-run.ts';
import { fixture } from './fixture/build.ts';
import { DIMENSION } from './fixture/corpus.ts';
import type { Preset } from './network/model.ts';
import { checkPeers, isGood } from './peers/bounds.ts';
import { PlainChroma } from './peers/chroma.ts';
import { type PeerResult, peersDocument } from './peers/document.ts';
import { OwnEndpoint } from './peers/endpoint.ts';
import { LanceDb } from './peers/lancedb.ts';
import { Library } from './peers/library.ts';
import { Measurement, type PeersPlan } from './peers/measure.ts';
import { PEERS, type Peer, type PeerName, RECORDS_PER_WRITE, type World } from './peers/peer.ts';
import { Predecessor } from './peers/predecessor.ts';
import { peersTables, savePeers } from './peers/report.ts';
import { runTasks, task } from './progress.ts';

interface Options {
  quick?: boolean;
  only?: PeerName;
  network: Preset;
  json?: boolean;
  save?: boolean;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = join(ROOT, '.work', 'bench');
const FULL: PeersPlan & { records: number } = {
  records: 20_000,
  writers: [1, 4, 8],
  loadMs: 10_000,
  pauseMs: 250,
  outstanding: 8,
  queries: 200,
  probes: 30,
  crashMs: 4_000,
  drainMs: 180_000,
};
const QUICK: typeof FULL = {
  ...FULL,
  records: 500,
  writers: [2],
  loadMs: 600,
  queries: 10,
  probes: 1,
  crashMs: 300,
  drainMs: 20_000,
};
const MAKE: Readonly<Record<PeerName, new (world: World) => Peer>> = {
  chroma: PlainChroma,
  lancedb: LanceDb,
  predecessor: Predecessor,
  library: Library,
  endpoint: OwnEndpoint,
};

const options = new Command('npm run bench:peers --')
  .description('A Chroma server, LanceDB, the predecessor and ours, on the same 20,000 records: about twenty minutes.')
  .option('--quick', '500 records and two writers: under a minute')
  .addOption(new Option('--only <peer>', 'one of them').choices(PEERS))
  .addOption(new Option('--network <model>', 'network model').choices(['aws', 'local']).default('aws'))
  .option('--json', 'print one JSON document')
  .option('--save', 'write results to bench/results/')
  .addHelpText('after', '\nExample:\n  npm run bench:peers -- --quick --only endpoint')
  .parse()
  .opts<Options>();

const started = Date.now();
const { quick: isQuick = false, network, only } = options;
const plan = isQuick ? QUICK : FULL;
const results: PeerResult[] = [];
await mkdir(FOLDER, { recursive: true });
const root = await mkdtemp(join(FOLDER, 'peers-'));
const table = await startTable();
try {
  const found: { fixture?: World['fixture'] } = {};
  await runTasks(
    [
      task(`The snapshot of ${plan.records.toLocaleString('en')} records`, async (report) => {
        found.fixture = await fixture(FOLDER, plan.records, table.clientConfig, report);
      }),
      ...PEERS.filter((name) => only === undefined || name === only).map((name) =>
        task(name, async (report) => {
          const result: PeerResult = { name, loads: [] };
          results.push(result);
          const own = { folder: join(root, name), table: table.clientConfig, preset: network };
          await mkdir(own.folder);
          const peer = new MAKE[name]({ ...own, fixture: found.fixture as World['fixture'] });
          try {
            await new Measurement(name, peer, plan.records, plan, report).run(result);
          } catch (error) {
            // The others are measured all the same.
            result.skipped = (error as Error).message.slice(0, 500);
          }
        }),
      ),
    ],
    options,
  );
} finally {
  await table.close();
  await rm(root, { recursive: true, force: true });
}
const flags = [
  isQuick && '--quick',
  only !== undefined && `--only ${only}`,
  network !== 'aws' && `--network ${network}`,
  options.save && '--save',
];
const document = peersDocument.parse({
  run: {
    ...(await describeRun(ROOT, started)),
    command: commandOf('bench:peers', flags),
    network,
    isQuick,
    failsOnTiming: !isQuick && network === 'aws',
    seconds: (Date.now() - started) / 1_000,
  },
  records: plan.records,
  dimension: DIMENSION,
  recordsPerWrite: RECORDS_PER_WRITE,
  peers: results,
  bounds: checkPeers({ peers: results }),
});
if (options.save) await savePeers(join(ROOT, 'bench', 'results'), document);
process.stdout.write(options.json ? `${JSON.stringify(document, null, 2)}\n` : `\n${peersTables(document)}\n`);
process.exitCode = isGood(document) ? 0 : 1;
