/** The cases with the JavaScript client: what a test comes to are its answers. */
import { isDeepStrictEqual } from 'node:util';
import { AdminClient, ChromaClient } from 'chromadb';
import type { SuiteResult } from '../chroma/pytest.ts';
import { COLLECTION_CASES } from './collection-cases.ts';
import { RECORD_CASES } from './record-cases.ts';

/** @returns what each case came to: `passed`, or how it failed; and beside it its answers, as JSON */
export async function runCases(port: number): Promise<{ result: SuiteResult; answers: Map<string, string> }> {
  const where = { host: '127.0.0.1', port, ssl: false };
  const clients = { client: new ChromaClient(where), admin: new AdminClient(where) };
  const outcomes = new Map<string, string>();
  const answers = new Map<string, string>();
  for (const [name, act] of Object.entries({ ...COLLECTION_CASES, ...RECORD_CASES })) {
    try {
      await clients.client.reset();
      answers.set(name, JSON.stringify(await act(clients)));
      outcomes.set(name, 'passed');
    } catch (error) {
      process.stdout.write(`${name}: ${error instanceof Error ? error.stack : String(error)}\n`);
      outcomes.set(name, 'failed');
    }
  }
  const passed = [...outcomes.values()].filter((outcome) => outcome === 'passed').length;
  return { result: { summary: `${passed} passed, ${outcomes.size - passed} failed`, outcomes }, answers };
}

/** Cases whose answers differ, with both. */
export function differingAnswers(plain: ReadonlyMap<string, string>, ours: ReadonlyMap<string, string>): string[] {
  return [...plain].flatMap(([name, expected]) => {
    const found = ours.get(name);
    if (found === undefined || isDeepStrictEqual(JSON.parse(found), JSON.parse(expected))) return [];
    return [`${name}:\n    ${found}\n    with plain Chroma ${expected}`];
  });
}
