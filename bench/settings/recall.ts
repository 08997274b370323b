/** How many of the ten nearest an index finds, by comparing with all vectors. */
import type { EngineSession } from '../../lambdas/ports.ts';
import { recordId, vector } from '../fixture/corpus.ts';

const NEAREST = 10;
/** Queries are vectors of the same clusters that are no record's. */
const FIRST_QUERY = 50_000_000;

const exact = new Map<string, ReadonlyArray<{ query: number[]; ids: Set<string> }>>();

/** Mean share of the true ten nearest among the ten that the session answers, over so many queries. */
export async function recall(session: EngineSession, records: number, queries: number): Promise<number> {
  let hits = 0;
  for (const { query, ids } of nearest(records, queries)) {
    for (const { id } of await session.query(query, NEAREST)) if (ids.has(id)) hits++;
  }
  return hits / (queries * NEAREST);
}

/** By brute force. All vectors have length 1, so the nearest by cosine distance has the largest dot product. */
function nearest(records: number, queries: number) {
  const key = `${records}/${queries}`;
  const known = exact.get(key);
  if (known !== undefined) return known;
  const vectors = Array.from({ length: records }, (_, n) => Float32Array.from(vector(n)));
  const found = Array.from({ length: queries }, (_, q) => {
    const query = vector(FIRST_QUERY + q);
    const scored = vectors.map((candidate, n) => ({ n, score: dot(candidate, query) }));
    const best = scored.sort((a, b) => b.score - a.score).slice(0, NEAREST);
    return { query, ids: new Set(best.map(({ n }) => recordId(n))) };
  });
  exact.set(key, found);
  return found;
}

function dot(a: Float32Array, b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
