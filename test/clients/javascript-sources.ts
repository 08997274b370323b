/** The JavaScript client's own tests, from a checkout of Chroma's repository: no package has them. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SuiteResult } from '../chroma/pytest.ts';

const FOLDER = fileURLToPath(new URL('../../.work/clients/javascript', import.meta.url));
const EMBEDDINGS = fileURLToPath(new URL('offline-embeddings.cjs', import.meta.url));
/** What these tests and the sources that they import need, in the versions that their package names. */
const PACKAGES = [
  ...['jest@29', '@jest/globals@29', 'ts-jest@29', 'jest-environment-node-single-context@29', 'typescript@5'],
  ...['semver@7', '@hey-api/client-fetch@0.10', '@types/node@20', '@types/semver@7'],
];

interface JestReport {
  testResults: Array<{ name: string; assertionResults: Array<{ fullName: string; status: string }> }>;
}

/** @param sources Where the checkout is. */
export async function runSources(sources: string | undefined, port: number): Promise<SuiteResult> {
  if (sources === undefined) throw new Error('CHROMA_SOURCES must name a checkout of Chroma: its tests are run.');
  await prepare(sources);
  const report = join(FOLDER, 'report.json');
  await rm(report, { force: true });
  const args = [
    join(FOLDER, 'node_modules/jest/bin/jest.js'),
    '--runInBand',
    '--silent',
    '--json',
    `--outputFile=${report}`,
  ];
  const env = {
    ...process.env,
    DEFAULT_CHROMA_INSTANCE_URL: `http://127.0.0.1:${port}`,
    DEFAULT_CHROMA_INSTANCE_HOST: '127.0.0.1',
    DEFAULT_CHROMA_INSTANCE_PORT: String(port),
  };
  const child = spawn(process.execPath, args, { cwd: FOLDER, env, stdio: ['ignore', 'ignore', 'inherit'] });
  await once(child, 'close');
  const { testResults } = JSON.parse(await readFile(report, 'utf8')) as JestReport;
  const outcomes = new Map<string, string>();
  for (const { name, assertionResults } of testResults) {
    const file = name.slice(FOLDER.length + 1);
    // A file that could not even be loaded.
    if (assertionResults.length === 0) outcomes.set(file, 'failed');
    for (const { fullName, status } of assertionResults)
      outcomes.set(`${file}: ${fullName}`, OUTCOMES[status] ?? status);
  }
  const counted = (wanted: string) => [...outcomes.values()].filter((outcome) => outcome === wanted).length;
  const summary = ['passed', 'failed', 'skipped'].map((outcome) => `${counted(outcome)} ${outcome}`).join(', ');
  return { summary, outcomes };
}

const OUTCOMES: Readonly<Record<string, string>> = { pending: 'skipped', todo: 'skipped' };

async function prepare(sources: string): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  for (const part of ['src', 'test']) {
    await rm(join(FOLDER, part), { recursive: true, force: true });
    await cp(join(sources, 'clients/new-js/packages/chromadb', part), join(FOLDER, part), { recursive: true });
  }
  const config = {
    testEnvironment: 'jest-environment-node-single-context',
    clearMocks: true,
    // Far more than anything takes.
    testTimeout: 300_000,
    testMatch: ['<rootDir>/test/**/*.test.ts'],
    transform: {
      '\\.ts$': [
        'ts-jest',
        { diagnostics: false, tsconfig: { esModuleInterop: true, target: 'es2022', isolatedModules: true } },
      ],
    },
    moduleNameMapper: { '^@chroma-core/default-embed$': EMBEDDINGS },
  };
  await writeFile(join(FOLDER, 'jest.config.json'), JSON.stringify(config));
  await writeFile(join(FOLDER, 'package.json'), '{"private":true}');
  const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--no-save', ...PACKAGES];
  execFileSync('npm', args, { cwd: FOLDER, stdio: ['ignore', 'ignore', 'inherit'] });
}
