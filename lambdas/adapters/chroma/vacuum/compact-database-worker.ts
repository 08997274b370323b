/** The thread of compact-database.ts. */
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

export interface Compaction {
  file: string;
  /** Path of the rewritten database. */
  beside: string;
  /** Run before the rewrite, in one transaction. */
  statements: readonly string[];
  /** Values of their parameters; a statement need not use all. */
  values: Record<string, string | number>;
}

const { file, beside, statements, values } = workerData as Compaction;
// A foreign key of Chroma's schema names a table that does not exist.
const database = new DatabaseSync(file, { enableForeignKeyConstraints: false });
try {
  database.exec('BEGIN IMMEDIATE');
  for (const sql of statements) {
    const statement = database.prepare(sql);
    statement.setAllowUnknownNamedParameters(true);
    statement.run(values);
  }
  database.exec('COMMIT');
  database.prepare('VACUUM INTO ?').run(beside);
  parentPort?.postMessage('done');
} finally {
  database.close();
}
