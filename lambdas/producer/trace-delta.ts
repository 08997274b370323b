/** Everything that store and table know about one delta, which `compactor explain` puts into words. */
import { ObjectNotFoundError, PreconditionFailedError, StoreUnavailableError } from '../errors/errors.ts';
import { hashObject } from '../objects/hash-object.ts';
import { readBounded } from '../objects/read-bounded.ts';
import type { Ports } from '../ports.ts';
import { type DeltaSource, sourceOf } from '../snapshot/delta-source.ts';
import { checkDeltaId, deltaKey, parseRejectionKey, rejectionKey } from '../snapshot/keys.ts';
import type { DeltaStatus, LedgerEntry, Rejection } from '../snapshot/ledger.ts';
import { numberIn } from '../snapshot/log-number.ts';
import { decodeReport, MAX_REPORT_BYTES } from '../snapshot/report.ts';
import { loadCurrent } from '../versions/load-current.ts';
import type { LoadedManifest } from '../versions/load-manifest.ts';
import { walkVersions } from '../versions/walk-versions.ts';
import { type AsideDelta, listAside } from './aside.ts';

export interface DeltaTrace {
  collection: string;
  deltaId: string;
  source: DeltaSource;
  /** Its place in the log, if an endpoint wrote it; `isPassed`: all numbers up to it are decided. */
  number: { number: number; isPassed: boolean } | null;
  /** The object in the inbox under its id. */
  inbox: { size: number; arrivedAt: number; sha256: string | 'unreadable' } | null;
  status: DeltaStatus | null;
  /** Its entry in the current version's ledger: decided, and perhaps not settled yet. */
  ledger: LedgerEntry | null;
  /** The commit that decided it; `null` when it is not decided, or that version is no longer retained. */
  commit: { version: number; commitId: string } | null;
  reports: DeltaReport[];
  /** Its content, if it was set aside and has not been submitted again or discarded. */
  aside: AsideDelta | null;
}

export interface DeltaReport {
  key: string;
  /**
   * Digest of the other content that was sent under the same id; `null` for the report on the content that was decided.
   */
  otherSha256: string | null;
  rejectedOperations: number;
  rejections: Rejection[];
}

/** @throws CollectionNotFoundError, InvalidInputError, StoreUnavailableError, TableUnavailableError */
export async function traceDelta(ports: Ports, collection: string, deltaId: string): Promise<DeltaTrace> {
  checkDeltaId(deltaId);
  const current = await loadCurrent(ports, collection);
  const ledger = current.manifest.ledger.find((entry) => entry.deltaId === deltaId) ?? null;
  const inbox = await readInbox(ports, deltaKey(collection, deltaId));
  const status = (await ports.statuses.getStatuses(collection, [deltaId])).get(deltaId) ?? null;
  const version = (status ?? ledger)?.version;
  const commit = version === undefined ? null : await findCommit(ports, current, version);
  const reports = await readReports(ports, collection, deltaId);
  const aside = (await listAside(ports, collection, deltaId)).at(-1) ?? null;
  const number = numberIn(deltaId);
  const mark = current.manifest.numbered ?? 0;
  return {
    ...{ collection, deltaId, source: sourceOf(deltaId) },
    number: number === undefined ? null : { number, isPassed: number <= mark },
    ...{ inbox, status, ledger, commit, reports, aside },
  };
}

async function readInbox(ports: Ports, key: string): Promise<DeltaTrace['inbox']> {
  try {
    const info = await ports.store.head(key);
    const { size, lastModified: arrivedAt } = info;
    const sha256 = await hashObject(ports, info).catch((error: unknown) => {
      if (error instanceof StoreUnavailableError) return 'unreadable' as const;
      throw error;
    });
    return { size, arrivedAt, sha256 };
  } catch (error) {
    // The object was settled or submitted again at this very moment.
    if (error instanceof ObjectNotFoundError || error instanceof PreconditionFailedError) return null;
    throw error;
  }
}

async function findCommit(ports: Ports, { manifest }: LoadedManifest, version: number): Promise<DeltaTrace['commit']> {
  const own = [{ version: manifest.version, commitId: manifest.commitId }, ...manifest.ancestry];
  const known = own.find((ref) => ref.version === version);
  if (known !== undefined) return known;
  for await (const loaded of walkVersions(ports, manifest.collection, version)) {
    if (loaded.manifest.version === version) return { version, commitId: loaded.manifest.commitId };
  }
  return null;
}

async function readReports(ports: Ports, collection: string, deltaId: string): Promise<DeltaReport[]> {
  const reports: DeltaReport[] = [];
  const prefix = rejectionKey(collection, deltaId).slice(0, -'.json'.length);
  for await (const page of ports.store.list(prefix)) {
    for (const { key } of page) {
      const parsed = parseRejectionKey(key);
      if (parsed?.deltaId !== deltaId) continue;
      const { body } = await readBounded(ports, key, MAX_REPORT_BYTES);
      reports.push({ key, otherSha256: parsed.sha256 ?? null, ...decodeReport(key, body) });
    }
  }
  return reports;
}
