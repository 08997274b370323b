/** Chroma's own Python tests, which its wheel carries, against a server. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runPytest, type SuiteResult } from './pytest.ts';

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

export async function runSuite({ python, port, isFull, args }: SuiteOptions): Promise<SuiteResult> {
  const script = 'import chromadb, os; print(os.path.dirname(chromadb.__file__))';
  const root = execFileSync(python, ['-c', script], { encoding: 'utf8' }).trim();
  const files = [...BASIC, ...(isFull ? LONG : [])].map((name) => join(root, 'test', `${name}.py`));
  const plugins = ['-p', 'offline_embeddings', '-o', 'asyncio_default_fixture_loop_scope=function'];
  return runPytest(python, [...plugins, '-k', ELSEWHERE, ...files, ...args], {
    PYTHONPATH: HERE,
    CHROMA_INTEGRATION_TEST_ONLY: '1',
    CHROMA_SERVER_HOST: 'localhost',
    CHROMA_SERVER_HTTP_PORT: String(port),
    PROPERTY_TESTING_PRESET: 'fast',
  });
}
