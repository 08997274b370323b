/** What cases with the JavaScript client share. */
import type { AdminClient, ChromaClient, Collection, Metadata } from 'chromadb';

export interface Clients {
  client: ChromaClient;
  admin: AdminClient;
}

/** @returns answers, as JSON can hold them; what it refuses is an answer as well, by {@link refused} */
export type Case = (clients: Clients) => Promise<unknown>;

export const RECORDS = {
  ids: ['cat', 'dog', 'newt'],
  embeddings: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0.5, 1],
  ],
  documents: ['a feline', 'a canine', 'an amphibian'],
  metadatas: [
    { legs: 4, weight: 4.5, tame: true, name: 'Tom' },
    { legs: 4, tags: ['loyal', 'loud'] },
    { legs: 4, wet: true },
  ] as Metadata[],
};
export const ALL = ['documents', 'metadatas', 'embeddings', 'uris'] as const;

export const pets = (client: ChromaClient, more = {}) =>
  client.createCollection({ name: 'pets', embeddingFunction: null, ...more });
export async function filled(client: ChromaClient): Promise<Collection> {
  const collection = await pets(client);
  await collection.add(RECORDS);
  return collection;
}
/** Nothing but what servers draw or count by themselves is left out. */
export const shown = ({ name, metadata, configuration }: Collection) => ({ name, metadata, configuration });
export const everything = (collection: Collection) => collection.get({ include: [...ALL] });

export async function refused(attempt: Promise<unknown>): Promise<string> {
  try {
    return `not refused: ${JSON.stringify(await attempt)}`;
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}: ${message}`
      .replace(/http:\/\/\S+?(?=\/api)/g, '')
      .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'an id');
  }
}
