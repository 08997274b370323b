/**
 * `npm run bench:endpoint -- [--quick] [--records <n>] [--json]`: an endpoint beside a plain Chroma server of the same
 * version, in one run on the same data. Figures are ratios; nothing of it fails the command.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { locateEngine } from '../lambdas/adapters/chroma/locator.ts';
import { refuseOldEngine } from '../lambdas/endpoint/endpoint.ts';
import { startTable } from '../local/table.ts';
import { commandOf, describeRun } from './describe-run.ts';
import { type EndpointDocument, endpointDocument, endpointTable } from './endpoint/document.ts';
import { type EndpointPlan, measure } from './endpoint/measure.ts';
import { ownSide, plainSide } from './endpoint/sides.ts';
import { type Fixture, fixture } from './fixture/build.ts';
import { PRESETS } from './network/model.ts';
import { runTasks, task } from './progress.ts';

interface Options {
  quick?: boolean;
  records?: number;
  json?: boolean;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = join(ROOT, '.work', 'bench');
const NETWORKS = ['local', 'aws'] as const;
const FULL: EndpointPlan & { records: number } = {
  records: 20_000,
  queries: 300,
  addRounds: 5,
  addMs: 4_000,
  opens: 5,
};
const QUICK: typeof FULL = { records: 500, queries: 20, addRounds: 1, addMs: 500, opens: 1 };

const options = new Command('npm run bench:endpoint --')
  .description('An endpoint beside a plain Chroma server on 20,000 records (66 MB): about four minutes.')
  .option('--quick', '500 records: seconds')
  .option('--records <n>', 'another size: 180000 are 600 MB, and take minutes to build once', (text) => {
    if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('Give a number of records.');
    return Number(text);
  })
  .option('--json', 'print one JSON document')
  .addHelpText('after', '\nExample:\n  npm run bench:endpoint -- --quick')
  .parse()
  .opts<Options>();

try {
  refuseOldEngine((await locateEngine()).identity);
} catch (error) {
  process.stderr.write(`Nothing was measured: ${(error as Error).message}\n`);
  process.exit(1);
}
const started = Date.now();
const { quick: isQuick = false } = options;
const plan = { ...(isQuick ? QUICK : FULL), ...(options.records !== undefined && { records: options.records }) };
await mkdir(FOLDER, { recursive: true });
const root = await mkdtemp(join(FOLDER, 'endpoint-'));
const table = await startTable();
const networks: EndpointDocument['networks'] = [];
const found: { fixture?: Fixture } = {};
try {
  await runTasks(
    [
      task(`The snapshot of ${plan.records.toLocaleString('en')} records`, async (report) => {
        found.fixture = await fixture(FOLDER, plan.records, table.clientConfig, report);
      }),
      ...NETWORKS.map((network) =>
        task(`network ${network}`, async (report) => {
          const rest = [found.fixture as Fixture, table.clientConfig, network] as const;
          const folder = join(root, network);
          const figures = await measure(await plainSide(folder, ...rest), await ownSide(folder, ...rest), plan, report);
          networks.push({ network, storeReadMs: PRESETS[network].storeReadMs, ...figures });
        }),
      ),
    ],
    options,
  );
} finally {
  await table.close();
  await rm(root, { recursive: true, force: true });
}
const document = endpointDocument.parse({
  run: {
    ...(await describeRun(ROOT, started)),
    command: commandOf('bench:endpoint', [
      isQuick && '--quick',
      options.records !== undefined && `--records ${plan.records}`,
    ]),
    isQuick,
    seconds: (Date.now() - started) / 1_000,
  },
  records: plan.records,
  snapshotBytes: found.fixture?.snapshotBytes,
  networks,
});
process.stdout.write(options.json ? `${JSON.stringify(document, null, 2)}\n` : `\n${endpointTable(document)}\n`);
