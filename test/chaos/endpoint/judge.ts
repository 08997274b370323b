/** After a round: what clients find by an endpoint that was not there before, and what the versions say of the log. */
import type { Ports } from '../../../lambdas/ports.ts';
import { inboxPrefix } from '../../../lambdas/snapshot/keys.ts';
import { numberIn } from '../../../lambdas/snapshot/log-number.ts';
import { walkVersions } from '../../../lambdas/versions/walk-versions.ts';
import { canonical } from '../../endpoint/support.ts';
import type { Ask } from './client.ts';
import { CLIENTS } from './plan.ts';

/** Every record that each client left, in order, and how they rank. Each string is one difference. */
export async function compareContents(
  when: string,
  ours: { ask: Ask; path: string },
  plain: { ask: Ask; path: string },
): Promise<string[]> {
  const include = ['embeddings', 'documents', 'metadatas'];
  const questions: Array<[string, string, object | undefined]> = [['GET', 'count', undefined]];
  for (let client = 0; client < CLIENTS; client++) {
    const where = { n: { $gte: 0 } };
    // Ids of one client were written by it alone, one write after the other: their order is known.
    const ids = Array.from({ length: 8 }, (_, id) => `client${client}-${id}`);
    questions.push(['POST', 'get', { ids, where, include }]);
    const query_embeddings = [[client * 1_000 + 50, 0, 0]];
    questions.push(['POST', 'query', { ids, query_embeddings, n_results: 8, include: [...include, 'distances'] }]);
  }
  const differences: string[] = [];
  for (const [method, call, body] of questions) {
    const sent = body && JSON.stringify(body);
    const found = await ours.ask(method, `${ours.path}/${call}`, sent);
    const expected = await plain.ask(method, `${plain.path}/${call}`, sent);
    if (found.status === expected.status && canonical(found.text) === canonical(expected.text)) continue;
    differences.push(`${when}: ${call} ${sent ?? ''} is ${found.text}, by plain Chroma ${expected.text}`);
  }
  return differences;
}

/** Every number of the log is decided once, in order and without a gap, and nothing of it refused; nothing waits. */
export async function checkLog(ports: Ports, collection: string): Promise<{ differences: string[]; numbers: number }> {
  const differences: string[] = [];
  const decided: number[] = [];
  const versions = [];
  for await (const { manifest } of walkVersions(ports, collection)) versions.push(manifest);
  for (const { version, ledger } of versions.toReversed()) {
    for (const entry of ledger) {
      if (entry.version !== version) continue;
      const number = numberIn(entry.deltaId);
      if (number === undefined) differences.push(`${entry.deltaId} is no number of the log`);
      else decided.push(number);
      if (entry.outcome !== 'applied' || entry.rejectedOperations > 0)
        differences.push(`an acknowledged write was refused in version ${version}: ${JSON.stringify(entry)}`);
    }
  }
  const isInOrder = decided.every((number, at) => number === at + 1);
  if (!isInOrder) differences.push(`the log was decided as ${decided.join(' ')}`);
  for await (const page of ports.store.list(inboxPrefix(collection)))
    differences.push(...page.map(({ key }) => `${key} is still in the inbox`));
  return { differences, numbers: decided.length };
}
