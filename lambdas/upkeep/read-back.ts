/** Reads every embedding of a collection back through the engine. */

import { MergeVerificationError } from '../errors/errors.ts';
import type { EngineSession, RecordEmbedding } from '../ports.ts';

/**
 * Checks that each record has an embedding of the collection's dimension, with finite numbers. Whether they are the
 * numbers that were once written cannot be checked: the index is the only place that has them.
 * @throws MergeVerificationError, EngineUnavailableError
 */
export async function readBack(
  session: EngineSession,
  { collection, dimension, records }: { collection: string; dimension: number; records: number },
): Promise<void> {
  let found = 0;
  let wrong: RecordEmbedding | undefined;
  await session.visitEmbeddings((batch) => {
    found += batch.length;
    wrong ??= batch.find(({ embedding }) => embedding?.length !== dimension || !embedding.every(Number.isFinite));
  });
  if (wrong !== undefined) {
    const has = wrong.embedding === null ? 'no embedding' : `an embedding of ${wrong.embedding.length} numbers`;
    throw new MergeVerificationError(
      `Record "${wrong.id}" of "${collection}" has ${has}, not of ${dimension} finite ones. Nothing was published; write ` +
        'the record again at its source, then import again.',
    );
  }
  if (found === records) return;
  throw new MergeVerificationError(
    `The engine gives back ${found} of ${records} records of "${collection}" with their embeddings. Nothing was published.`,
  );
}
