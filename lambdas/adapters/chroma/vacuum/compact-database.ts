/** Rewrites a closed database without its dead data, in a separate thread. */
import { rename } from 'node:fs/promises';
import { answerOf, scriptBeside } from '../../worker-threads.ts';
import { orphanRemovals, REBUILD_FULL_TEXT } from '../purge-others.ts';
import type { Compaction } from './compact-database-worker.ts';

/**
 * The log: writes that both segments have taken in are removed. Its last row is kept, since the next write gets the
 * number after the highest one; if that is a deletion, only its number is kept (as in purge-others.ts).
 */
const LOG = [
  `DELETE FROM embeddings_queue
   WHERE (topic = '' OR topic LIKE '%/' || :collection) AND seq_id < (SELECT max(seq_id) FROM embeddings_queue)`,
  `UPDATE embeddings_queue SET id = '', vector = NULL, encoding = NULL, metadata = NULL, topic = ''
   WHERE operation = 3 AND topic LIKE '%/' || :collection AND seq_id = (SELECT max(seq_id) FROM embeddings_queue)`,
];
/** Both segments have taken in all writes. */
const INDEXED = `
  INSERT INTO max_seq_id (segment_id, seq_id) VALUES (:segment, :indexed)
  ON CONFLICT (segment_id) DO UPDATE SET seq_id = :indexed`;

const SCRIPT = scriptBeside(import.meta.url, 'compact-database-worker');

export interface CompactDatabaseOptions {
  /** Id of the collection. */
  collection: string;
  /** Id of its vector segment. */
  segment: string;
  /** Number of the last write. */
  indexed: number;
  /** Names of the existing tables. */
  tables: ReadonlySet<string>;
}

/** Written to another file and then renamed, so that it is never half done. @throws Error (of SQLite) */
export async function compactDatabase(file: string, options: CompactDatabaseOptions): Promise<void> {
  const { collection, segment, indexed, tables } = options;
  const beside = `${file}.rewritten`;
  const statements = [...orphanRemovals(tables), INDEXED, ...LOG, REBUILD_FULL_TEXT];
  const compaction: Compaction = { file, beside, statements, values: { collection, segment, indexed } };
  await answerOf(SCRIPT, compaction);
  await rename(beside, file);
}
