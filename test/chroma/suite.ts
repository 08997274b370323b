/** Chroma's own Python tests, which its wheel carries, against a server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));

const BASIC = [
  ...['test_api', 'test_client', 'data_loader/test_data_loader', 'configurations/test_collection_configuration'],
  ...['collection', 'delete_database', 'get_database', 'list_databases', 'invalid_update', 'limit_offset'].map(
    (name) => `api/test_${name}`,
  ),
  ...['api/test_numpy_list_inputs', 'api/test_schema_e2e', 'client/test_database_tenant'],
  ...['client/test_multiple_clients_concurrency', 'client/test_create_http_client'],
];
const LONG = [
  'test_multithreaded',
  ...['add', 'collections', 'collections_with_database_tenant', 'embeddings', 'filtering', 'schema'].map(
    (name) => `property/test_${name}`,
  ),
];
/** These start servers of their own. */
const ELSEWHERE = 'not test_persist and not test_ssl and not test_collection_was_removed';

export interface SuiteOptions {
  /** Of a Python that has chromadb, pytest and what the tests need. */
  python: string;
  port: number;
  /** All files, which takes half an hour, or those that take minutes. */
  isFull: boolean;
  /** More for pytest. */
  args: readonly string[];
}

export interface SuiteResult {
  /** As pytest sums it up. */
  summary: string;
  /** By test: passed, failed or skipped. */
  outcomes: Map<string, string>;
}

export async function runSuite({ python, port, isFull, args }: SuiteOptions): Promise<SuiteResult> {
  const folder = await mkdtemp(join(tmpdir(), 'chroma-suite-'));
  const report = join(folder, 'report.xml');
  try {
    const root = (
      await output(python, ['-c', 'import chromadb, os; print(os.path.dirname(chromadb.__file__))'])
    ).trim();
    const files = [...BASIC, ...(isFull ? LONG : [])].map((name) => join(root, 'test', `${name}.py`));
    const all = [
      ...['-m', 'pytest', '-p', 'offline_embeddings', '-p', 'no:cacheprovider', '-q', '--timeout=1500'],
      ...[
        '-o',
        'asyncio_default_fixture_loop_scope=function',
        `--junitxml=${report}`,
        '-k',
        ELSEWHERE,
        ...files,
        ...args,
      ],
    ];
    const env = {
      ...process.env,
      PATH: [join(python, '..'), process.env.PATH].join(delimiter),
      PYTHONPATH: HERE,
      CHROMA_INTEGRATION_TEST_ONLY: '1',
      CHROMA_SERVER_HOST: 'localhost',
      CHROMA_SERVER_HTTP_PORT: String(port),
      PROPERTY_TESTING_PRESET: 'fast',
      ANONYMIZED_TELEMETRY: 'False',
    };
    const child = spawn(python, all, { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      process.stdout.write(text);
    });
    await once(child, 'close');
    const summary = /^.*\d+ (?:passed|failed|skipped|error).* in .*$/m.exec(printed)?.[0] ?? 'pytest did not end well';
    return { summary, outcomes: outcomesIn(await readFile(report, 'utf8').catch(() => '')) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Of a report in JUnit's form. */
export function outcomesIn(xml: string): Map<string, string> {
  const outcomes = new Map<string, string>();
  const cases = xml.matchAll(/<testcase ([^>]*?)(\/>|>([\s\S]*?)<\/testcase>)/g);
  for (const [, attributes = '', , content = ''] of cases) {
    const attribute = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? '';
    const name = `${attribute('classname').replace(/^.*?chromadb\./, '')}::${attribute('name')}`;
    const what = /<(failure|error|skipped)\b/.exec(content)?.[1];
    outcomes.set(name, what === undefined ? 'passed' : what === 'skipped' ? 'skipped' : 'failed');
  }
  return outcomes;
}

async function output(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  await once(child, 'close');
  return text;
}
