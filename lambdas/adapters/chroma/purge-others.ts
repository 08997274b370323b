/**
 * Removes from a closed database of Chroma whatever does not belong to one collection. Chroma's own deletion leaves
 * things behind, depending on the version: rows of deleted segments, and their texts in the full-text index, where they
 * also conflict with new records, since these reuse the numbers of the old ones.
 */
import type { DatabaseSync } from 'node:sqlite';
import { DEFAULT_DATABASE, DEFAULT_TENANT } from './survey.ts';

const FULL_TEXT = 'embedding_fulltext_search';
/** Tables of records' fields, in which each row has the number of its record. */
const OF_RECORDS = ['embedding_metadata', 'embedding_metadata_array'];

/** The index keeps the words of deleted rows until it is rebuilt. */
export const REBUILD_FULL_TEXT = `INSERT INTO ${FULL_TEXT}(${FULL_TEXT}) VALUES('rebuild')`;

/** Statements that remove the remains of deleted records from the existing tables. */
export function orphanRemovals(tables: { has(name: string): boolean }): string[] {
  const fields = OF_RECORDS.filter((name) => tables.has(name));
  return [
    ...fields.map((name) => `DELETE FROM ${name} WHERE id NOT IN (SELECT id FROM embeddings)`),
    `DELETE FROM ${FULL_TEXT} WHERE rowid NOT IN (SELECT id FROM embeddings)`,
  ];
}

/**
 * Chosen by the columns of the tables, so that tables added by later versions are purged, too. The collection is moved
 * to the default database of the default tenant, and all others are removed.
 * @param hadOthers Chroma has deleted other collections, whose remains in the full-text index cannot be seen.
 * @returns Ids of its vector segments, each of which has a folder of that name
 */
export function purgeOthers(database: DatabaseSync, collectionId: string, hadOthers: boolean): Set<string> {
  const columns = columnsByTable(database);
  const has = (table: string, column: string) => columns.get(table)?.has(column) === true;
  let purged = 0;
  const run = (sql: string, ...values: string[]) => {
    purged += Number(database.prepare(sql).run(...values).changes);
  };
  database.exec('BEGIN IMMEDIATE');
  run('DELETE FROM collections WHERE id <> ?', collectionId);
  moveToDefault(database, collectionId);
  run('DELETE FROM segments WHERE collection IS NOT ?', collectionId);
  for (const table of columns.keys()) {
    if (has(table, 'collection_id')) run(`DELETE FROM "${table}" WHERE collection_id IS NOT ?`, collectionId);
    if (has(table, 'segment_id')) run(`DELETE FROM "${table}" WHERE segment_id NOT IN (SELECT id FROM segments)`);
  }
  purgeLog(database, collectionId);
  for (const sql of orphanRemovals(columns)) run(sql);
  if (hadOthers || purged > 0) run(REBUILD_FULL_TEXT);
  database.exec('COMMIT');
  const rows = database.prepare(`SELECT id FROM segments WHERE scope = 'VECTOR'`).all();
  return new Set(rows.map(({ id }) => String(id)));
}

function columnsByTable(database: DatabaseSync): Map<string, Set<string>> {
  const rows = database
    .prepare(
      `SELECT tables.name AS name, columns.name AS column FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
       WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%' AND tables.name NOT LIKE '${FULL_TEXT}%'`,
    )
    .all();
  const found = new Map<string, Set<string>>();
  for (const { name, column } of rows) {
    found.set(String(name), (found.get(String(name)) ?? new Set()).add(String(column)));
  }
  return found;
}

/** Chroma's interface has no call for this. Every server creates the default tenant and database when it starts. */
function moveToDefault(database: DatabaseSync, collectionId: string): void {
  const row = database
    .prepare('SELECT id FROM databases WHERE tenant_id = ? AND name = ?')
    .get(DEFAULT_TENANT, DEFAULT_DATABASE);
  if (row === undefined) throw new Error(`it has no ${DEFAULT_TENANT}/${DEFAULT_DATABASE}`);
  const id = String(row.id);
  database.prepare('UPDATE collections SET database_id = ? WHERE id = ?').run(id, collectionId);
  database.prepare('DELETE FROM databases WHERE id <> ?').run(id);
  database.prepare('DELETE FROM tenants WHERE id <> ?').run(DEFAULT_TENANT);
}

/**
 * The log numbers the writes, and a number that a segment has already seen must not be reused: new writes would be
 * skipped. Chroma never purges the last row of a collection; if there is none nevertheless, the highest row of all is
 * kept, emptied.
 */
function purgeLog(database: DatabaseSync, collectionId: string): void {
  const isOwn = `topic LIKE '%/' || ?`;
  database
    .prepare(
      `UPDATE embeddings_queue SET id = '', vector = NULL, encoding = NULL, metadata = NULL, topic = ''
       WHERE seq_id = (SELECT max(seq_id) FROM embeddings_queue)
         AND NOT EXISTS (SELECT 1 FROM embeddings_queue WHERE ${isOwn})`,
    )
    .run(collectionId);
  database.prepare(`DELETE FROM embeddings_queue WHERE topic <> '' AND NOT ${isOwn}`).run(collectionId);
}
