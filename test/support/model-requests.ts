/** Requests of Chroma's own API as the model engine takes them: columns, as text, turned into records. */
import type { EngineRecord, Metadata } from '../../lambdas/ports.ts';
import { membersOf, parseExact } from '../../lambdas/snapshot/exact-json.ts';

interface Columns {
  ids: string[];
  embeddings?: Array<number[] | string | null> | null;
  metadatas?: Array<Metadata | null> | null;
  documents?: Array<string | null> | null;
}

/** In the order of the request; an id may come twice. */
export function recordsOf(body: string): EngineRecord[] {
  const members = membersOf(body);
  const read = (name: string) => parseExact(members.get(name) ?? 'null');
  const columns = Object.fromEntries(['ids', 'embeddings', 'metadatas', 'documents'].map((name) => [name, read(name)]));
  const { ids, embeddings, metadatas, documents } = columns as unknown as Columns;
  return ids.map((id, n) => {
    const [embedding, metadata, document] = [embeddings?.[n], metadatas?.[n], documents?.[n]];
    return {
      id,
      ...(embedding && { embedding: typeof embedding === 'string' ? fromBase64(embedding) : embedding.map(Number) }),
      ...(metadata && { metadata }),
      ...(typeof document === 'string' && { document }),
    };
  });
}

/** 32-bit floats, little-endian. */
function fromBase64(text: string): number[] {
  const bytes = Buffer.from(text, 'base64');
  return Array.from({ length: bytes.length / 4 }, (_, n) => bytes.readFloatLE(4 * n));
}
