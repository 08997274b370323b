/** The thread of integrity.ts: checks one aspect of one database. */
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

/** How a database uses its pages: numbers of pages, and the size of one in bytes. */
export interface PageCounts {
  size: number;
  pageSize: number;
  /** Pages in trees; a page in two of them counts twice here, and once in `distinct`. */
  pages: number;
  distinct: number;
  free: number;
  /** 0 if the database keeps its free pages. */
  autoVacuum: number;
}

/**
 * The aspects, each checked in a thread of its own:
 * - `rows`: every table's trees are well-formed, row by row.
 * - `pages`: every page is in exactly one tree, or free.
 * - `all`: SQLite's own quick check, which also compares full-text indexes with what they index.
 */
export type Aspect = keyof typeof ASPECTS;

export interface Looking {
  /** The database must be at rest. */
  url: string;
  aspect: Aspect;
}

const TREES = 'SELECT count(*) AS pages, count(DISTINCT pageno) AS "distinct" FROM dbstat';
const { url, aspect } = workerData as Looking;
const database = new DatabaseSync(new URL(url), { readOnly: true });

const ASPECTS = {
  all: () => check('PRAGMA quick_check(1)'),
  rows: () => {
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0").all();
    for (const { name } of tables) {
      const found = check(`PRAGMA quick_check("${String(name).replaceAll('"', '""')}")`);
      if (found !== undefined) return found;
    }
    return undefined;
  },
  pages: (): PageCounts => ({
    // A single query, since it reads the whole file.
    ...(database.prepare(TREES).get() as Pick<PageCounts, 'pages' | 'distinct'>),
    size: number('PRAGMA page_count'),
    pageSize: number('PRAGMA page_size'),
    free: number('PRAGMA freelist_count'),
    autoVacuum: number('PRAGMA auto_vacuum'),
  }),
};

try {
  parentPort?.postMessage(ASPECTS[aspect]());
} finally {
  database.close();
}

function check(pragma: string): string | undefined {
  const said = value(pragma);
  return said === 'ok' ? undefined : String(said);
}

function number(sql: string): number {
  return Number(value(sql));
}

function value(sql: string): unknown {
  return Object.values(database.prepare(sql).get() ?? {})[0];
}
