/** One digest of all that an engine answers of a collection, to compare what must be the same. */
import { createHash } from 'node:crypto';
import type { EngineSession } from '../ports.ts';
import { stringifyExact } from '../snapshot/exact-json.ts';

/** Ids are listed in long pages, since to skip ahead an engine walks over all records before. */
const PAGE = 10_000;
const BATCH = 256;

export interface RecordsDigest {
  records: number;
  sha256: string;
}

/** Over ids, embeddings, metadata and documents of all records, in the engine's order. @throws EngineUnavailableError */
export async function digestRecords(session: EngineSession): Promise<RecordsDigest> {
  const hash = createHash('sha256');
  let records = 0;
  for (let offset = 0; ; offset += PAGE) {
    const page = await session.find({ limit: PAGE, offset, include: [] });
    for (let n = 0; n < page.length; n += BATCH) {
      const ids = page.slice(n, n + BATCH).map(({ id }) => id);
      for (const { id, embedding, metadata = {}, document } of await session.get(ids)) {
        // Members of metadata come in any order.
        const members = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
        hash.update(`${stringifyExact([id, embedding ?? null, members, document ?? null])}\n`);
        records++;
      }
    }
    if (page.length < PAGE) return { records, sha256: hash.digest('hex') };
  }
}
