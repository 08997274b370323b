/** One digest of everything that an engine returns for a collection, to check that two collections are the same. */
import { createHash } from 'node:crypto';
import type { EngineSession } from '../ports.ts';
import { stringifyExact } from '../snapshot/exact-json.ts';

/** Pages of ids are long, because to skip records an engine walks over all of them. */
const PAGE = 10_000;
const BATCH = 256;

export interface RecordsDigest {
  records: number;
  sha256: string;
}

/**
 * Covers ids, embeddings, metadata and documents of all records, in the engine's order. @throws EngineUnavailableError
 */
export async function digestRecords(session: EngineSession): Promise<RecordsDigest> {
  const hash = createHash('sha256');
  let records = 0;
  for (let offset = 0; ; offset += PAGE) {
    const page = await session.find({ limit: PAGE, offset, include: [] });
    for (let n = 0; n < page.length; n += BATCH) {
      const ids = page.slice(n, n + BATCH).map(({ id }) => id);
      for (const { id, embedding, metadata = {}, document } of await session.get(ids)) {
        // The engine returns the members of metadata in any order.
        const members = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
        hash.update(`${stringifyExact([id, embedding ?? null, members, document ?? null])}\n`);
        records++;
      }
    }
    if (page.length < PAGE) return { records, sha256: hash.digest('hex') };
  }
}
