/** The integrity of a closed SQLite database, checked in threads of its own: it takes as long as reading all of it. */
import { Worker } from 'node:worker_threads';

/**
 * What is looked at, each in a thread of its own:
 * - `rows`: every table's trees are well-formed, row by row.
 * - `pages`: every page is in exactly one tree, or free.
 * - `all`: what SQLite's own quick check looks at, indexes of text beside what they index, too.
 */
type Aspect = 'rows' | 'pages' | 'all';

/**
 * Given inline because a file beside this module would not survive bundling. The pages of all trees, the free ones and
 * the one that SQLite leaves out for locks (at 1 GiB) make up the file; a page in two trees would be counted twice.
 */
const SCRIPT = `
const { parentPort, workerData } = require('node:worker_threads');
const { DatabaseSync } = require('node:sqlite');
const LOCK_BYTE = 1024 ** 3;
const database = new DatabaseSync(workerData.file, { readOnly: true });
const value = (sql) => Object.values(database.prepare(sql).get())[0];
const check = (pragma) => { const said = value(pragma); return said === 'ok' ? undefined : String(said); };

const ASPECTS = {
  all: () => check('PRAGMA quick_check(1)'),
  rows() {
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0").all();
    for (const { name } of tables) {
      const found = check('PRAGMA quick_check("' + name.replaceAll('"', '""') + '")');
      if (found !== undefined) return found;
    }
  },
  pages() {
    const { pages, distinct } = database.prepare('SELECT count(*) AS pages, count(DISTINCT pageno) AS "distinct" FROM dbstat').get();
    if (pages !== distinct) return 'a page is in two trees';
    const size = value('PRAGMA page_count');
    const locked = size * value('PRAGMA page_size') > LOCK_BYTE ? 1 : 0;
    const used = pages + value('PRAGMA freelist_count') + locked;
    return used === size ? undefined : used + ' of ' + size + ' pages are accounted for';
  },
};

try {
  parentPort.postMessage(ASPECTS[workerData.aspect]());
} finally {
  database.close();
}`;

/**
 * What is wrong with a database; `undefined` for nothing. With `thorough` all that SQLite's own quick check looks at;
 * without, indexes of text are not compared with what they index.
 * @throws Error (it cannot be read as a database)
 */
export async function findFault(file: string, thorough: boolean): Promise<string | undefined> {
  const aspects: Aspect[] = thorough ? ['all'] : ['rows', 'pages'];
  const looking = aspects.map((aspect) => look(file, aspect));
  // The first failure counts once nobody reads the file any more.
  await Promise.allSettled(looking);
  const faults = await Promise.all(looking);
  return faults.find((fault) => fault !== undefined);
}

function look(file: string, aspect: Aspect): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(SCRIPT, { eval: true, workerData: { file, aspect } });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('its check ended without a result')));
  });
}
