/** What the database knows about a collection's vector segments. */
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';

export interface VectorSegment {
  id: string;
  collection: string;
  /** `null` if the collection has never held a record. */
  dimension: number | null;
  /** Number of the last write that a segment has taken in; `null` if the database does not say. */
  indexed: number | null;
  recorded: number | null;
}

const SEGMENTS = `
  SELECT vector.id AS id, collections.id AS collection, dimension,
    (SELECT seq_id FROM max_seq_id WHERE segment_id = vector.id) AS indexed,
    (SELECT seq_id FROM max_seq_id WHERE segment_id = metadata.id) AS recorded
  FROM collections
  JOIN segments AS vector ON vector.collection = collections.id AND vector.scope = 'VECTOR'
  LEFT JOIN segments AS metadata ON metadata.collection = collections.id AND metadata.scope = 'METADATA'
  WHERE collections.name = ?`;
const RECORDS = `
  SELECT embedding_id AS id FROM embeddings
  JOIN segments ON segments.id = embeddings.segment_id AND segments.scope = 'METADATA'
  WHERE segments.collection = ?`;
/** Topics end with the collection's id: \`persistent://<tenant>/<namespace>/<id>\`. */
const WAITING = `
  SELECT seq_id AS number, operation, id FROM embeddings_queue
  WHERE seq_id > ? AND topic LIKE '%/' || ? ORDER BY seq_id`;
const VECTORS = `
  SELECT operation, id, vector, encoding FROM embeddings_queue
  WHERE seq_id > ? AND topic LIKE '%/' || ? AND (vector IS NOT NULL OR operation = 3) ORDER BY seq_id`;
/** Chroma's numbers of operations; 1, an update, neither creates nor removes a record. */
const ADD = 0;
const UPSERT = 2;
const DELETE = 3;

export function vectorSegments(database: DatabaseSync, collection: string): VectorSegment[] {
  return database
    .prepare(SEGMENTS)
    .all(collection)
    .map((row) => ({
      id: String(row.id),
      collection: String(row.collection),
      dimension: row.dimension === null ? null : Number(row.dimension),
      indexed: sequence(row.indexed),
      recorded: sequence(row.recorded),
    }));
}

/** Chroma before 0.5.? wrote eight big-endian bytes, later ones a number. */
function sequence(value: SQLOutputValue | undefined): number | null {
  if (value === null || value === undefined) return null;
  return value instanceof Uint8Array ? Number(BigInt(`0x${Buffer.from(value).toString('hex') || '0'}`)) : Number(value);
}

/** Ids of all records that the collection has once both of its segments have taken in what waits for them. */
export function recordIds(database: DatabaseSync, { collection, recorded }: VectorSegment): Set<string> {
  const ids = new Set<string>();
  for (const { id } of database.prepare(RECORDS).iterate(collection)) ids.add(String(id));
  return afterWaiting(database, ids, collection, recorded ?? 0);
}

/** Apply the writes after number `since` to `ids`, in place. */
export function afterWaiting(database: DatabaseSync, ids: Set<string>, collection: string, since: number): Set<string> {
  for (const { operation, id } of database.prepare(WAITING).iterate(since, collection)) {
    if (operation === ADD || operation === UPSERT) ids.add(String(id));
    else if (operation === DELETE) ids.delete(String(id));
  }
  return ids;
}

/** Writes after number `since` that give a record another vector, or take its vector away, in order. */
export function* vectorWrites(
  database: DatabaseSync,
  collection: string,
  since: number,
): Generator<{ id: string; vector: Float32Array | undefined }> {
  for (const { operation, id, vector, encoding } of database.prepare(VECTORS).iterate(since, collection)) {
    yield { id: String(id), vector: operation === DELETE ? undefined : decode(vector as Uint8Array, String(encoding)) };
  }
}

/**
 * Chroma in Python logged integer vectors as integers. Both forms are little-endian, as is every system that Chroma
 * runs on.
 */
function decode(bytes: Uint8Array, encoding: string): Float32Array {
  const { buffer } = Uint8Array.from(bytes);
  return encoding === 'INT32' ? Float32Array.from(new Int32Array(buffer)) : new Float32Array(buffer);
}
