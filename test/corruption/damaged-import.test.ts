/** A directory with a damaged vector index, or with embeddings that an engine does not give back whole, is not imported. */
import { mkdir, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseCollection } from '../../lambdas/adapters/chroma/choose.ts';
import { extractCollection } from '../../lambdas/adapters/chroma/extract-collection.ts';
import { surveyDirectory } from '../../lambdas/adapters/chroma/survey.ts';
import { DamagedSourceError, MergeVerificationError } from '../../lambdas/errors/errors.ts';
import type { EngineSession, RecordEmbedding, WorkingDirectory } from '../../lambdas/ports.ts';
import { readBack } from '../../lambdas/upkeep/read-back.ts';
import { type Indexed, makeIndexed, NAME, withCopy } from './vector-index/world.ts';

let whole: Indexed;
beforeAll(async () => {
  whole = await makeIndexed('ip');
});
afterAll(() => rm(whole.path, { recursive: true, force: true }));

it('an index that is cut short is said of the source, before an engine opens the copy', async () => {
  await withCopy(whole, async (source, folder) => {
    const file = join(folder, 'link_lists.bin');
    await truncate(file, (await readFile(file)).length - 1);
    await withCopy(whole, async (path) => {
      const clear = async () => {
        await rm(path, { recursive: true, force: true });
        await mkdir(path);
      };
      const directory = { path, clear } as Partial<WorkingDirectory> as WorkingDirectory;
      const survey = await surveyDirectory(source);
      const collection = chooseCollection(survey, source);

      const adopting = extractCollection({ source, survey, collection, directory, name: 'adopted' });

      await expect(adopting).rejects.toThrow(DamagedSourceError);
      await expect(adopting).rejects.toThrow(
        `"${source}" cannot be imported: The vector index of "${NAME}" is damaged`,
      );
      // An engine that opens it names the collection anew.
      expect((await surveyDirectory(path)).collections.map(({ name }) => name)).toEqual([NAME]);
    });
  });
});

describe('reading back', () => {
  const shape = { collection: 'notes', dimension: 2, records: 2 };
  const session = (...batch: RecordEmbedding[]): EngineSession => {
    return { visitEmbeddings: async (visit) => visit(batch) } as Partial<EngineSession> as EngineSession;
  };
  const one = { id: 'one', embedding: [1, 2] };

  it('is content with all embeddings', async () => {
    await readBack(session(one, { id: 'two', embedding: [0, -1] }), shape);
  });

  it.each([
    { what: 'none', embedding: null, says: 'has no embedding' },
    { what: 'another dimension', embedding: [1], says: 'has an embedding of 1 numbers' },
    { what: 'a number that is not finite', embedding: [1, Number.NaN], says: 'not of 2 finite ones' },
  ])('refuses $what', async ({ embedding, says }) => {
    const reading = readBack(session(one, { id: 'two', embedding }), shape);

    await expect(reading).rejects.toThrow(MergeVerificationError);
    await expect(reading).rejects.toThrow(says);
  });

  it('refuses fewer than there are records', async () => {
    await expect(readBack(session(one), shape)).rejects.toThrow('1 of 2 records');
  });
});
