/** Writes and questions. */
import { ALL, type Case, everything, filled, pets, RECORDS, refused } from './case-support.ts';

export const RECORD_CASES: Readonly<Record<string, Case>> = {
  'records are added, and not again': async ({ client }) => {
    const collection = await filled(client);
    await collection.add({ ...RECORDS, documents: ['x', 'y', 'z'] });
    return [await collection.count(), await everything(collection)];
  },
  'records are read by id, by pages and in part': async ({ client }) => {
    const collection = await filled(client);
    return [
      await collection.get({ ids: ['newt', 'nobody', 'cat'] }),
      await collection.get({ limit: 1, offset: 1 }),
      await collection.get({ include: [] }),
      await collection.peek({ limit: 2 }),
      (await collection.get({ include: ['documents'] })).rows(),
    ];
  },
  'records are updated': async ({ client }) => {
    const collection = await filled(client);
    const embeddings = [
      [1, 1, 1],
      [2, 2, 2],
    ];
    await collection.update({ ids: ['cat', 'nobody'], documents: ['a cat', 'no'], embeddings });
    await collection.update({ ids: ['dog', 'newt'], metadatas: [{ legs: 3 }, { wet: false }] });
    await collection.update({ ids: ['dog'], embeddings: [[9, 9, 9]] });
    return [await collection.count(), await everything(collection)];
  },
  'records are upserted': async ({ client }) => {
    const collection = await filled(client);
    const embeddings = [
      [2, 2, 2],
      [3, 3, 3],
    ];
    await collection.upsert({ ids: ['cat', 'hen'], embeddings, documents: ['a cat', 'a bird'] });
    return everything(collection);
  },
  'records are deleted': async ({ client }) => {
    const collection = await filled(client);
    await collection.delete({ ids: ['cat', 'nobody'] });
    const afterIds = await everything(collection);
    await collection.delete({ where: { wet: true } });
    const afterWhere = await everything(collection);
    await collection.delete({ whereDocument: { $contains: 'canine' } });
    return [afterIds, afterWhere, await collection.count()];
  },
  'metadata have types, and lose keys': async ({ client }) => {
    const collection = await pets(client);
    const metadatas = [{ i: 1, f: 1.5, s: '', b: false, large: 2 ** 53, list: [1.5, 2], words: ['a'] }];
    await collection.add({ ids: ['a'], embeddings: [[1, 2]], metadatas });
    const before = await everything(collection);
    await collection.update({ ids: ['a'], metadatas: [{ i: null, f: 2.5 }] });
    return [before, await everything(collection)];
  },
  'neighbours are found in order': async ({ client }) => {
    const collection = await filled(client);
    const queryEmbeddings = [
      [1, 0.1, 0],
      [0, 0.4, 1],
    ];
    const found = await collection.query({ queryEmbeddings, nResults: 2, include: [...ALL, 'distances'] });
    return [found, found.rows(), await collection.query({ queryEmbeddings, nResults: 2, ids: ['dog', 'newt'] })];
  },
  'filters are understood': async ({ client }) => {
    const collection = await filled(client);
    const filters = [
      { legs: 4 },
      { legs: { $ne: 4 } },
      { weight: { $gt: 4.4 } },
      { weight: { $lte: 4.5 } },
      { name: { $in: ['Tom', 'Tim'] } },
      { name: { $nin: ['Tom'] } },
      { $and: [{ legs: 4 }, { wet: true }] },
      { $or: [{ tame: true }, { wet: true }] },
      { tags: { $contains: 'loud' } },
    ];
    const answers = [];
    for (const where of filters) {
      const { ids } = await collection.get({ where: where as never });
      const nearest = await collection.query({ queryEmbeddings: [[1, 0.2, 0.1]], where: where as never });
      answers.push([ids, nearest.ids]);
    }
    return answers;
  },
  'texts are searched': async ({ client }) => {
    const collection = await filled(client);
    const ids = async (whereDocument: object) => (await collection.get({ whereDocument: whereDocument as never })).ids;
    return [
      await ids({ $contains: 'ine' }),
      await ids({ $not_contains: 'ine' }),
      await ids({ $regex: '^an' }),
      await ids({ $not_regex: '^an' }),
      await ids({ $and: [{ $contains: 'a' }, { $contains: 'fel' }] }),
    ];
  },
  'requests are refused': async ({ client }) => {
    const collection = await filled(client);
    return [
      await refused(collection.add({ ids: ['x'], embeddings: [[1, 2]] })),
      await refused(collection.query({ queryEmbeddings: [[1, 2]] })),
      await refused(collection.get({ where: { legs: { $x: 1 } } as never })),
      await refused(collection.get({ limit: -1 })),
      await refused(collection.delete({})),
      await refused(collection.search([])),
      await refused(collection.fork({ name: 'forked' })),
      await refused(collection.forkCount()),
      await refused(collection.getIndexingStatus()),
      await collection.count(),
    ];
  },
  'texts are embedded by the function given': async ({ client }) => {
    const generate = async (texts: string[]) => texts.map((text) => [text.length, text.charCodeAt(0), 1]);
    const collection = await client.createCollection({ name: 'pets', embeddingFunction: { generate } });
    await collection.add({ ids: ['a', 'b'], documents: ['short', 'rather long'] });
    return [await everything(collection), await collection.query({ queryTexts: ['shorn'], nResults: 1 })];
  },
  'many clients write at once': async ({ client }) => {
    const collection = await pets(client);
    const numbers = Array.from({ length: 40 }, (_, n) => n);
    await Promise.all(numbers.map((n) => collection.add({ ids: [`r${n}`], embeddings: [[n, 1]] })));
    const { ids } = await collection.get({ include: [] });
    return [await collection.count(), ids.toSorted()];
  },
  'a large batch is taken, and a larger one refused': async ({ client }) => {
    const collection = await pets(client);
    const size = await client.getMaxBatchSize();
    const batch = (length: number) => ({
      ids: Array.from({ length }, (_, n) => `r${n}`),
      embeddings: Array.from({ length }, (_, n) => [n, 1]),
    });
    await collection.add(batch(size));
    return [await collection.count(), await refused(collection.add(batch(size + 1))), await collection.count()];
  },
};
