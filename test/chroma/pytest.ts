/** A run of pytest, test by test. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface SuiteResult {
  /** As the runner sums it up. */
  summary: string;
  /** By test: passed, failed or skipped, or what else it came to. */
  outcomes: Map<string, string>;
}

/**
 * @param python Of an environment that has pytest.
 * @param args Files, and more for pytest.
 * @param env On top of that of this process.
 */
export async function runPytest(
  python: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<SuiteResult> {
  const folder = await mkdtemp(join(tmpdir(), 'chroma-suite-'));
  const report = join(folder, 'report.xml');
  try {
    const all = ['-m', 'pytest', '-p', 'no:cacheprovider', '-q', '--timeout=1500', `--junitxml=${report}`, ...args];
    const path = [join(python, '..'), process.env.PATH].join(delimiter);
    const child = spawn(python, all, {
      cwd: folder,
      env: { ...process.env, PATH: path, ANONYMIZED_TELEMETRY: 'False', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
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
