/** Names, metadata, configurations. */
import { Schema, StringInvertedIndexConfig } from 'chromadb';
import { type Case, filled, pets, RECORDS, refused, shown } from './case-support.ts';

export const COLLECTION_CASES: Readonly<Record<string, Case>> = {
  'the server is asked about itself': async ({ client }) => [
    typeof (await client.heartbeat()),
    await client.version(),
    await client.getPreflightChecks(),
    await client.getMaxBatchSize(),
    await client.supportsBase64Encoding(),
    await client.getUserIdentity(),
  ],
  'collections are created and found': async ({ client }) => {
    const made = await pets(client, { metadata: { since: 2020, ratio: 0.5, open: true, kind: 'home' } });
    const byId = await client.getCollectionById(made.id);
    const byName = await client.getCollection({ name: 'pets' });
    return [shown(made), shown(byId), shown(byName), byId.id === made.id, await client.countCollections()];
  },
  'a collection is created once': async ({ client }) => [
    shown(await pets(client, { metadata: { a: 1 } })),
    await refused(pets(client)),
    shown(await client.getOrCreateCollection({ name: 'pets', embeddingFunction: null, metadata: { a: 2 } })),
  ],
  'names are refused': async ({ client }) =>
    Promise.all(['', 'a', 'a b c', '...', 'x'.repeat(600)].map((name) => refused(pets(client, { name })))),
  'what is not there is not found': async ({ client }) => [
    await refused(client.getCollection({ name: 'nobody' })),
    await refused(client.getCollectionById('00000000-0000-0000-0000-000000000001')),
    await refused(client.deleteCollection({ name: 'nobody' })),
    await client.countCollections(),
  ],
  'collections are listed by pages': async ({ client }) => {
    for (const name of ['ccc', 'aaa', 'bbb']) await pets(client, { name });
    const names = async (page?: object) => (await client.listCollections(page)).map(({ name }) => name);
    const pages = [await names({ limit: 2 }), await names({ limit: 2, offset: 2 }), await names({ offset: 9 })];
    // Their order is that of the ids that were drawn.
    const isWhole = JSON.stringify(pages.flat()) === JSON.stringify(await names());
    return [pages.map(({ length }) => length), isWhole, (await names()).toSorted()];
  },
  'a collection is renamed': async ({ client }) => {
    const collection = await filled(client);
    await collection.modify({ name: 'animals' });
    const found = await client.getCollection({ name: 'animals' });
    return [shown(found), await found.count(), await refused(client.getCollection({ name: 'pets' }))];
  },
  'metadata and configuration of a collection are changed': async ({ client }) => {
    const collection = await pets(client, { metadata: { a: 1 } });
    await collection.modify({ metadata: { b: 2.5 }, configuration: { hnsw: { ef_search: 77 } } });
    return shown(await client.getCollection({ name: 'pets' }));
  },
  'configurations are kept': async ({ client }) => {
    const answers = [];
    for (const space of ['l2', 'ip', 'cosine'] as const) {
      const hnsw = { space, ef_construction: 120, max_neighbors: 20 };
      answers.push(shown(await pets(client, { name: `by-${space}`, configuration: { hnsw } })));
    }
    return [...answers, await refused(pets(client, { configuration: { hnsw: { space: 'none' } } }))];
  },
  'a schema is kept': async ({ client }) => {
    const schema = new Schema();
    schema.deleteIndex(new StringInvertedIndexConfig(), 'secret');
    const collection = await pets(client, { schema });
    await collection.add({ ids: ['a'], embeddings: [[1, 2]], metadatas: [{ secret: 'x', open: 'y' }] });
    const found = await client.getCollection({ name: 'pets' });
    return [
      found.schema?.serializeToJSON(),
      await refused(collection.get({ where: { secret: 'x' } })),
      (await collection.get({ where: { open: 'y' } })).ids,
    ];
  },
  'a collection that was dropped is empty when it is created again': async ({ client }) => {
    const first = await filled(client);
    await client.deleteCollection({ name: 'pets' });
    const second = await pets(client);
    return [await second.count(), await refused(first.count()), await refused(first.add(RECORDS))];
  },
  'tenants and databases keep apart': async ({ client, admin }) => {
    const name = `tenant-${crypto.randomUUID()}`;
    await admin.createTenant({ name });
    await admin.createDatabase({ name: 'first', tenant: name });
    await admin.createDatabase({ name: 'second', tenant: name });
    const databases = await admin.listDatabases({ tenant: name });
    await admin.deleteDatabase({ name: 'second', tenant: name });
    return [
      (await admin.getTenant({ name })) !== undefined,
      databases.map((database) => database.name),
      (await admin.listDatabases({ tenant: name })).map((database) => database.name),
      await refused(admin.createDatabase({ name: 'first', tenant: name })),
      (await refused(admin.getTenant({ name: 'nobody' }))).split(':')[0],
      await client.countCollections(),
    ];
  },
  'reset forgets everything': async ({ client }) => {
    await filled(client);
    await client.reset();
    return [await client.countCollections(), await client.listCollections()];
  },
};
