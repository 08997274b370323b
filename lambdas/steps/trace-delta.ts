/** Everything that store and table say about one delta: what `compactor explain` puts into words. */
import { z } from 'zod';
import type { Ports } from '../ports.ts';
import { ObjectNotFoundError, PreconditionFailedError, StoreUnavailableError } from '../protocol/errors.ts';
import type { DeltaStatus, LedgerEntry, Rejection } from '../protocol/ledger.ts';
import { checkDeltaId, deltaKey, parseRejectionKey, rejectionKey } from '../snapshot/keys.ts';
import { hashObject } from './create-once.ts';
import { type LoadedManifest, loadCurrent } from './read-pointer.ts';
import { walkVersions } from './walk-versions.ts';

export interface DeltaTrace {
  collection: string;
  deltaId: string;
  /** What lies in the inbox under its id now. */
  inbox: { size: number; arrivedAt: number; sha256: string | 'unreadable' } | null;
  status: DeltaStatus | null;
  /** Its entry in the current version's ledger: decided, and perhaps not settled yet. */
  ledger: LedgerEntry | null;
  /** The commit that decided it; `null` when it is not decided, or that version is no longer retained. */
  commit: { version: number; commitId: string } | null;
  reports: DeltaReport[];
}

export interface DeltaReport {
  key: string;
  /** Of other content that was sent under the same id; `null` for the report on what was decided. */
  otherSha256: string | null;
  rejectedOperations: number;
  rejections: Rejection[];
}

const reportBody = z.object({
  rejectedOperations: z.number(),
  rejections: z.array(z.object({ line: z.number(), id: z.string().optional(), error: z.string(), reason: z.string() })),
});

/** @throws CollectionNotFoundError, InvalidInputError, StoreUnavailableError, TableUnavailableError */
export async function traceDelta(ports: Ports, collection: string, deltaId: string): Promise<DeltaTrace> {
  checkDeltaId(deltaId);
  const current = await loadCurrent(ports, collection);
  const ledger = current.manifest.ledger.find((entry) => entry.deltaId === deltaId) ?? null;
  const inbox = await readInbox(ports, deltaKey(collection, deltaId));
  const status = (await ports.statuses.getStatuses(collection, [deltaId])).get(deltaId) ?? null;
  const version = (status ?? ledger)?.version;
  const commit = version === undefined ? null : await findCommit(ports, current, version);
  return { collection, deltaId, inbox, status, ledger, commit, reports: await readReports(ports, collection, deltaId) };
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
    // Settled, or sent again, at this very moment.
    if (error instanceof ObjectNotFoundError || error instanceof PreconditionFailedError) return null;
    throw error;
  }
}

async function findCommit(ports: Ports, { manifest }: LoadedManifest, version: number): Promise<DeltaTrace['commit']> {
  const own = [{ version: manifest.version, commitId: manifest.commitId }, ...manifest.ancestry];
  const known = own.find((ref) => ref.version === version);
  if (known !== undefined) return known;
  for await (const loaded of walkVersions(ports, manifest.collection)) {
    if (loaded.manifest.version === version) return { version, commitId: loaded.manifest.commitId };
    if (loaded.manifest.version < version) break;
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
      const { body } = await ports.store.get(key);
      const report = reportBody.parse(JSON.parse(Buffer.from(body).toString('utf8')));
      reports.push({
        key,
        otherSha256: parsed.sha256 ?? null,
        ...(report as Omit<DeltaReport, 'key' | 'otherSha256'>),
      });
    }
  }
  return reports;
}
