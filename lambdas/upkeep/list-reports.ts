/** The reports on what was rejected of a collection's deltas, which `compactor rejections` lists. */
import { mapLimit } from '../concurrency/map-limit.ts';
import { CorruptObjectError, ObjectNotFoundError } from '../errors/errors.ts';
import { readBounded } from '../objects/read-bounded.ts';
import type { ObjectInfo, Ports } from '../ports.ts';
import { parseRejectionKey, rejectionsPrefix } from '../snapshot/keys.ts';
import type { Rejection } from '../snapshot/ledger.ts';
import { decodeReport, MAX_REPORT_BYTES } from '../snapshot/report.ts';
import { readPointer } from '../versions/read-pointer.ts';

const AT_ONCE = 8;

export interface ListedReport {
  deltaId: string;
  key: string;
  /** Milliseconds since the epoch, by the store's clock. */
  reportedAt: number;
  /** Digest of other content that was sent under a used id; `null` for the report on the content that was decided. */
  otherSha256: string | null;
  /** All rejected operations; `rejections` are the first of them. `null`: the report is damaged. */
  rejectedOperations: number | null;
  rejections: Rejection[];
  /** Why the report cannot be read. */
  problem: string | null;
}

/**
 * The latest first, a page of them, and how many there are.
 * @param page Most that are read, and how many are passed over first.
 * @throws CollectionNotFoundError, StoreUnavailableError
 */
export async function listReports(
  ports: Ports,
  collection: string,
  { limit, offset }: { limit: number; offset: number },
): Promise<{ total: number; reports: ListedReport[] }> {
  // An unknown collection has no reports either.
  await readPointer(ports, collection);
  const found: ObjectInfo[] = [];
  for await (const objects of ports.store.list(rejectionsPrefix(collection))) {
    found.push(...objects.filter(({ key }) => parseRejectionKey(key) !== undefined));
  }
  const latest = found
    .toSorted((a, b) => b.lastModified - a.lastModified || (a.key < b.key ? -1 : 1))
    .slice(offset, offset + limit);
  const reports = await mapLimit(latest, AT_ONCE, (object) => readReport(ports, object));
  return { total: found.length, reports: reports.filter((report) => report !== undefined) };
}

async function readReport(
  ports: Pick<Ports, 'store'>,
  { key, lastModified: reportedAt }: ObjectInfo,
): Promise<ListedReport | undefined> {
  const { deltaId = '', sha256 } = parseRejectionKey(key) ?? {};
  const known = { deltaId, key, reportedAt, otherSha256: sha256 ?? null };
  try {
    const { body } = await readBounded(ports, key, MAX_REPORT_BYTES);
    return { ...known, ...decodeReport(key, body), problem: null };
  } catch (error) {
    // Its time was over in this very moment.
    if (error instanceof ObjectNotFoundError) return undefined;
    if (!(error instanceof CorruptObjectError)) throw error;
    return { ...known, rejectedOperations: null, rejections: [], problem: error.message };
  }
}
