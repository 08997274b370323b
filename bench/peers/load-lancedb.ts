/**
 * LanceDB, installed by whoever first compares with it: its 230 MB are nothing that the rest of the project needs, and its
 * versions are pinned by a lock file of their own (`lancedb/package-lock.json`).
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const FOLDER = fileURLToPath(new URL('lancedb/', import.meta.url));

type Row = Record<string, unknown>;

interface Query {
  nearestTo(vector: number[]): VectorQuery;
  where(condition: string): Query;
  select(columns: string[]): Query;
  limit(count: number): Query;
  toArray(): Promise<Row[]>;
}
interface VectorQuery extends Query {
  distanceType(type: 'cosine'): VectorQuery;
  limit(count: number): VectorQuery;
  select(columns: string[]): VectorQuery;
  where(condition: string): VectorQuery;
}
interface MergeInsert {
  whenMatchedUpdateAll(): MergeInsert;
  whenNotMatchedInsertAll(): MergeInsert;
  execute(rows: Row[]): Promise<unknown>;
}
interface Table {
  add(rows: Row[]): Promise<unknown>;
  createIndex(column: string, options?: { config: object }): Promise<unknown>;
  mergeInsert(on: string): MergeInsert;
  query(): Query;
  close(): void;
}
interface Connection {
  createTable(name: string, rows: Row[]): Promise<Table>;
  openTable(name: string): Promise<Table>;
  close(): void;
}

/** The part of its API that the bench uses. */
export interface LanceModule {
  connect(
    uri: string,
    options: { readConsistencyInterval: number; storageOptions: Record<string, string> },
  ): Promise<Connection>;
  Index: { hnswSq(options: { distanceType: 'cosine' }): object };
}

/** @throws Error (npm cannot install it) */
export async function loadLanceDb(): Promise<LanceModule> {
  // What it would bring for making embeddings is optional, and half a gigabyte.
  if (!existsSync(join(FOLDER, 'node_modules'))) {
    await promisify(execFile)('npm', ['ci', '--omit=optional', '--no-audit', '--no-fund'], { cwd: FOLDER });
  }
  return createRequire(join(FOLDER, 'package.json'))('@lancedb/lancedb') as LanceModule;
}
