/** The thread of integrity.ts: looks at one aspect of one database. */
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

/** What the pages of a database are for, in numbers of pages but for the size of one. */
export interface PageCounts {
  size: number;
  pageSize: number;
  /** In trees; a page in two of them counts twice, and once in `distinct`. */
  pages: number;
  distinct: number;
  free: number;
  /** 0 for a database that keeps free pages. */
  autoVacuum: number;
}

/**
 * What is looked at, each in a thread of its own:
 * - `rows`: every table's trees are well-formed, row by row.
 * - `pages`: every page is in exactly one tree, or free.
 * - `all`: what SQLite's own quick check looks at, indexes of text beside what they index, too.
 */
export type Aspect = keyof typeof ASPECTS;

export interface Looking {
  /** Of a database at rest. */
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
    // One query, since it reads the whole file.
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
