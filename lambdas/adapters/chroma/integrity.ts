/** Checks the integrity of a closed SQLite database in separate threads; it takes as long as reading all of it. */
import { answerOf, scriptBeside } from '../worker-threads.ts';
import { readHeader, urlAtRest } from './database.ts';
import type { Aspect, Looking, PageCounts } from './integrity-worker.ts';

/** SQLite does not use the page that contains its lock byte. */
const LOCK_BYTE = 1024 ** 3;
/** Bytes of an entry in a pointer-map page, which has one for each of the pages that follow it. */
const POINTER_SIZE = 5;
/** Where the header of a database gives the reserved bytes at the end of each page. */
const RESERVED_BYTES = 20;

const SCRIPT = scriptBeside(import.meta.url, 'integrity-worker');

/**
 * Describes the fault in a database at rest; `undefined` if there is none. If `thorough`, SQLite's own quick check is
 * used; otherwise full-text indexes are not compared with what they index.
 * @throws Error (it cannot be read as a database)
 */
export async function findFault(file: string, thorough: boolean): Promise<string | undefined> {
  if (thorough) return look<string | undefined>(file, 'all');
  const looking = [look<string | undefined>(file, 'rows'), findPageFault(file)];
  // The first failure is reported once no thread reads the file any more.
  await Promise.allSettled(looking);
  const faults = await Promise.all(looking);
  return faults.find((fault) => fault !== undefined);
}

async function findPageFault(file: string): Promise<string | undefined> {
  const counts = await look<PageCounts>(file, 'pages');
  return pageFault(counts, (await readHeader(file))[RESERVED_BYTES]);
}

/** The file consists of the pages of all trees, the free pages, and SQLite's own. */
export function pageFault(counts: PageCounts, reservedBytes = 0): string | undefined {
  const { size, pages, distinct, free } = counts;
  if (pages !== distinct) return 'a page is in two trees';
  const used = pages + free + ownPages(counts, reservedBytes);
  return used === size ? undefined : `${used} of ${size} pages are accounted for`;
}

/**
 * The lock page, and the pointer maps of a database that gives free pages back: the second page, and then one after as
 * many pages as a map has entries. A map that would fall on the lock page comes after it.
 */
function ownPages({ size, pageSize, autoVacuum }: PageCounts, reservedBytes: number): number {
  const lockPage = LOCK_BYTE / pageSize + 1;
  const locked = size >= lockPage ? 1 : 0;
  if (autoVacuum === 0) return locked;
  const step = Math.floor((pageSize - reservedBytes) / POINTER_SIZE) + 1;
  let maps = 0;
  for (let page = 2; page <= size; page += step) if (page !== lockPage || page < size) maps++;
  return locked + maps;
}

function look<Result>(file: string, aspect: Aspect): Promise<Result> {
  const looking: Looking = { url: urlAtRest(file).href, aspect };
  return answerOf(SCRIPT, looking);
}
