/** LangChain's and LlamaIndex's tests of their stores over Chroma. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runPytest, type SuiteResult } from '../chroma/pytest.ts';

const HERE = fileURLToPath(new URL('python', import.meta.url));

/** `langchain-own` are the tests that its package brings; the others stand in `python/`. */
export const PYTHON_SUITES = ['langchain-standard', 'langchain-own', 'llama-index'] as const;
export type PythonSuite = (typeof PYTHON_SUITES)[number];

let made: string | undefined;

export function runPython(suite: PythonSuite, port: number): Promise<SuiteResult> {
  made ??= execFileSync(fileURLToPath(new URL('python.sh', import.meta.url)), { encoding: 'utf8' }).trim();
  const own = join(made, 'langchain');
  const tests: Record<PythonSuite, string[]> = {
    'langchain-standard': [join(HERE, 'test_langchain_standard.py')],
    'langchain-own': ['-p', 'over_http', '--rootdir', own, join(own, 'tests/integration_tests')],
    'llama-index': [join(HERE, 'test_llama_index.py')],
  };
  const modes = ['-o', 'asyncio_mode=auto', '-o', 'asyncio_default_fixture_loop_scope=function'];
  return runPytest(join(made, 'bin/python'), [...modes, ...tests[suite]], {
    PYTHONPATH: HERE,
    PYTHONDONTWRITEBYTECODE: '1',
    CHROMA_PORT: String(port),
  });
}
