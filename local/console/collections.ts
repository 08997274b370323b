/** Collections as the console shows them: pointer, versions, inbox, rejections, lock and claim. Read-only. */
import { decodeTime } from 'ulid';
import { CompactorError } from '../../lambdas/errors/errors.ts';
import { listInbox } from '../../lambdas/inbox/list-inbox.ts';
import { EVERYTHING, OLDEST, observeInbox, observeListed } from '../../lambdas/inbox/observe-inbox.ts';
import { readRecord } from '../../lambdas/names/entries.ts';
import { fullName } from '../../lambdas/names/look-up.ts';
import { idOf, UNNAMED } from '../../lambdas/names/records.ts';
import type { ObjectInfo, Ports } from '../../lambdas/ports.ts';
import { isClaimLive, isLockFree } from '../../lambdas/protocol/lock.ts';
import type { InboxEntry } from '../../lambdas/protocol/plan.ts';
import type { Pointer } from '../../lambdas/protocol/pointer.ts';
import { type DeltaSource, sourceOf } from '../../lambdas/snapshot/delta-source.ts';
import {
  POINTERS_PREFIX,
  parsePackKey,
  parsePointerKey,
  parseRejectionKey,
  rejectionsPrefix,
} from '../../lambdas/snapshot/keys.ts';
import type { Rejection } from '../../lambdas/snapshot/ledger.ts';
import { numberIn } from '../../lambdas/snapshot/log-number.ts';
import { liveBytes, type Manifest, type ManifestRef } from '../../lambdas/snapshot/manifest.ts';
import { loadManifest } from '../../lambdas/versions/load-manifest.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import type { LastError } from './executions.ts';

type ReadPorts = Pick<Ports, 'store' | 'cache' | 'statuses' | 'locks' | 'clock' | 'ids' | 'telemetry'>;

export interface CollectionRow {
  collection: string;
  /**
   * The name by which Chroma's clients know it, if that differs; with tenant and database, unless they are the default
   * ones.
   */
  name: string | null;
  version: number | null;
  records: number | null;
  committedAt: string | null;
  /** Objects in the inbox: pending, or decided and not yet settled. */
  waiting: number | null;
  /** How many of those are writes of endpoints. */
  logged: number | null;
  /** When the delta that has waited longest arrived, in milliseconds since the epoch. */
  oldestAt: number | null;
  lock: HeldView | null;
  claim: HeldView | null;
  /** How its latest execution ended, unless it succeeded. */
  lastError: LastError | null;
  /** The reason why the collection cannot be read. */
  problem: string | null;
}

export interface HeldView {
  execution: string;
  phase: string | null;
  token: number | null;
  /** Milliseconds since the epoch. */
  since: number | null;
  expiresAt: number | null;
}

export interface VersionRow {
  version: number;
  commitId: string;
  sealedAt: number;
  records: number;
  deltas: number;
  /** The same deltas, counted by where they came from. */
  sources: SourceCounts;
  rejectedOperations: number;
  /** Bytes of its own packs and its manifest. */
  uploadedBytes: number;
  snapshotBytes: number;
  engine: string | null;
  /** Name of the execution that committed it, if the local stack ran it. */
  execution: string | null;
}

export type SourceCounts = Record<DeltaSource, number>;

export interface DeltaRow {
  deltaId: string;
  source: DeltaSource;
  /** Its place in the log, if an endpoint wrote it. */
  number: number | null;
  size: number;
  /** When it arrived at the store, in milliseconds since the epoch. */
  arrivedAt: number;
}

export interface RejectionRow {
  deltaId: string;
  outcome: string;
  version: number | null;
  rejectedOperations: number;
  at: number;
  rejections: Rejection[];
  problem: string | null;
}

export interface CollectionDetail {
  pointer: Pointer;
  dimension: number;
  space: string;
  snapshotBytes: number;
  lock: HeldView | null;
  claim: HeldView | null;
  wake: number;
  /** `total`: number of objects in the inbox that are not known to be decided; `rows`: the oldest ones. */
  pending: { total: number; rows: DeltaRow[] };
  /** The log: the number up to which it is decided, and the writes that follow it and wait. */
  log: { decided: number; waiting: number };
  name: string | null;
  /** Number of deltas in the inbox that are known to be decided; the next FinishCompaction settles them. */
  unsettled: number;
}

const SHOWN_DELTAS = 200;
const REMEMBERED = 5_000;

export class CollectionViews {
  readonly #ports: ReadPorts;
  readonly #committers: () => ReadonlyMap<string, string>;
  readonly #lastErrors: () => ReadonlyMap<string, LastError>;
  /** Manifests and rejection reports never change, so what is shown of them is computed once. */
  readonly #versions = new Map<string, { row: Omit<VersionRow, 'execution'>; parent: ManifestRef | null }>();
  readonly #rejections = new Map<string, RejectionRow>();

  constructor(
    ports: ReadPorts,
    committers: () => ReadonlyMap<string, string>,
    lastErrors: () => ReadonlyMap<string, LastError>,
  ) {
    this.#ports = ports;
    this.#committers = committers;
    this.#lastErrors = lastErrors;
  }

  async list(): Promise<CollectionRow[]> {
    const names: string[] = [];
    for await (const page of this.#ports.store.list(POINTERS_PREFIX)) {
      names.push(...page.map(({ key }) => parsePointerKey(key)?.collection ?? '').filter(Boolean));
    }
    const errors = this.#lastErrors();
    return Promise.all(names.map((collection) => this.#row(collection, errors.get(collection) ?? null)));
  }

  /** @throws CollectionNotFoundError, PointerMissingError, CorruptObjectError */
  async detail(collection: string): Promise<CollectionDetail> {
    const { pointer } = await readPointer(this.#ports, collection);
    const { manifest } = await loadManifest(this.#ports, pointer.manifest);
    const limits = { ...EVERYTHING, maxDeltas: SHOWN_DELTAS };
    const inbox = await observeInbox(this.#ports, collection, manifest, limits);
    const rows = inbox.pending.slice(0, SHOWN_DELTAS).map(({ deltaId, size, lastModified: arrivedAt }) => {
      return { deltaId, source: sourceOf(deltaId), number: numberIn(deltaId) ?? null, size, arrivedAt };
    });
    const logged = await this.#logged(collection);
    const decided = manifest.numbered ?? 0;
    return {
      pointer,
      dimension: manifest.dimension,
      space: manifest.space,
      snapshotBytes: liveBytes(manifest.files),
      ...(await this.#held(collection)),
      pending: { total: inbox.pendingCount, rows },
      log: { decided, waiting: logged.filter((number) => number > decided).length },
      name: await this.#nameOf(collection),
      unsettled: inbox.decided.length,
    };
  }

  /** Retained versions, newest first, at most `limit` of those below `before`. @throws as `detail` */
  async versions(
    collection: string,
    { before, limit }: { before?: number | undefined; limit: number },
  ): Promise<{ rows: VersionRow[]; older: number | null; retainedFrom: number }> {
    const { pointer } = await readPointer(this.#ports, collection);
    const committers = this.#committers();
    const rows: VersionRow[] = [];
    for (let ref: ManifestRef | null = pointer.manifest; ref !== null; ) {
      const { row, parent }: { row: Omit<VersionRow, 'execution'>; parent: ManifestRef | null } =
        await this.#version(ref);
      if (before === undefined || row.version < before) {
        if (rows.length === limit)
          return { rows, older: rows.at(-1)?.version ?? null, retainedFrom: pointer.retainedFrom };
        rows.push({ ...row, execution: committers.get(row.commitId) ?? null });
      }
      ref = row.version > pointer.retainedFrom ? parent : null;
    }
    return { rows, older: null, retainedFrom: pointer.retainedFrom };
  }

  /** Reports on rejected operations, latest first. */
  async rejections(collection: string, limit: number): Promise<{ total: number; rows: RejectionRow[] }> {
    const found: ObjectInfo[] = [];
    for await (const page of this.#ports.store.list(rejectionsPrefix(collection))) found.push(...page);
    const latest = found.sort((a, b) => b.lastModified - a.lastModified).slice(0, limit);
    return { total: found.length, rows: await Promise.all(latest.map((object) => this.#rejection(object))) };
  }

  /**
   * The name that clients use, if it differs from the one under which the collection is stored. A damaged record is
   * ignored.
   */
  async #nameOf(collection: string): Promise<string | null> {
    const record = await readRecord(this.#ports, idOf(collection)).catch((error: unknown) => {
      if (error instanceof CompactorError) return undefined;
      throw error;
    });
    if (record === undefined || record.value.name === UNNAMED) return null;
    const name = fullName(record.value);
    return name === collection ? null : name;
  }

  /** Numbers of the log that are in the inbox. */
  async #logged(collection: string): Promise<number[]> {
    const inbox = await listInbox(this.#ports, collection);
    return inbox.flatMap(({ deltaId }) => numberIn(deltaId) ?? []);
  }

  async #row(collection: string, lastError: LastError | null): Promise<CollectionRow> {
    const name = await this.#nameOf(collection);
    try {
      const { pointer } = await readPointer(this.#ports, collection);
      const { version, records, committedAt } = pointer;
      const inbox = await listInbox(this.#ports, collection);
      const waiting = inbox.length;
      const logged = inbox.filter(({ deltaId }) => sourceOf(deltaId) === 'endpoint').length;
      const { lock, claim } = await this.#held(collection);
      const oldestAt = waiting === 0 ? null : await this.#oldest(pointer, inbox);
      const shown = { version, records, committedAt, waiting, logged, oldestAt, lock, claim, lastError };
      return { collection, name, ...shown, problem: null };
    } catch (error) {
      if (!(error instanceof CompactorError)) throw error;
      const nothing = { version: null, records: null, committedAt: null, waiting: null, logged: null, oldestAt: null };
      const problem = `${error.name}: ${error.message}`;
      return { collection, name, ...nothing, lock: null, claim: null, lastError, problem };
    }
  }

  /** Deltas that are decided wait no longer, whether they are settled or not. */
  async #oldest({ collection, manifest: ref }: Pointer, inbox: readonly InboxEntry[]): Promise<number | null> {
    const { manifest } = await loadManifest(this.#ports, ref);
    const { oldest } = await observeListed(this.#ports, collection, manifest, inbox, OLDEST);
    return oldest?.lastModified ?? null;
  }

  async #held(collection: string): Promise<Pick<CollectionDetail, 'lock' | 'claim' | 'wake'>> {
    const item = await this.#ports.locks.readLock(collection);
    const now = this.#ports.clock.now();
    const lock = isLockFree(item, '', now)
      ? null
      : {
          execution: item?.owner ?? '',
          phase: item?.phase ?? null,
          token: item?.token ?? null,
          since: item?.acquiredAt ?? null,
          expiresAt: item?.expiresAt ?? null,
        };
    const claim = isClaimLive(item, now)
      ? {
          execution: item?.claimOwner ?? '',
          phase: null,
          token: item?.claimToken ?? null,
          since: null,
          expiresAt: item?.claimExpiresAt ?? null,
        }
      : null;
    return { lock, claim, wake: item?.wake ?? 0 };
  }

  async #version(ref: ManifestRef) {
    const known = this.#versions.get(ref.sha256);
    if (known !== undefined) return known;
    const { manifest, bytes } = await loadManifest(this.#ports, ref);
    return remember(this.#versions, ref.sha256, { row: versionRow(manifest, bytes.length), parent: manifest.parent });
  }

  async #rejection({ key, etag, lastModified }: ObjectInfo): Promise<RejectionRow> {
    const id = `${key} ${etag}`;
    const known = this.#rejections.get(id);
    if (known !== undefined) return known;
    const name = parseRejectionKey(key)?.deltaId ?? key;
    const unread = {
      deltaId: name,
      outcome: '',
      version: null,
      rejectedOperations: 0,
      at: lastModified,
      rejections: [],
    };
    try {
      const { body } = await this.#ports.store.get(key);
      const report = JSON.parse(Buffer.from(body).toString()) as Partial<RejectionRow>;
      return remember(this.#rejections, id, { ...unread, version: null, ...report, at: lastModified, problem: null });
    } catch (error) {
      return { ...unread, problem: error instanceof Error ? error.message : String(error) };
    }
  }
}

function versionRow(manifest: Manifest, manifestBytes: number): Omit<VersionRow, 'execution'> {
  const { version, commitId, records, ledger, files, packs, engine } = manifest;
  const own = ledger.filter((entry) => entry.version === version);
  const packBytes = packs
    .filter(({ key }) => parsePackKey(key)?.commitId === commitId)
    .reduce((sum, { size }) => sum + size, 0);
  return {
    version,
    commitId,
    sealedAt: decodeTime(commitId),
    records,
    deltas: own.filter(({ outcome }) => outcome === 'applied').length,
    sources: countSources(own.filter(({ outcome }) => outcome === 'applied')),
    rejectedOperations: own.reduce((sum, { rejectedOperations }) => sum + rejectedOperations, 0),
    uploadedBytes: packBytes + manifestBytes,
    snapshotBytes: liveBytes(files),
    engine: engine === null ? null : `${engine.name} ${engine.version}`,
  };
}

function countSources(deltas: ReadonlyArray<{ deltaId: string }>): SourceCounts {
  const counts: SourceCounts = { endpoint: 0, library: 0, producer: 0 };
  for (const { deltaId } of deltas) counts[sourceOf(deltaId)]++;
  return counts;
}

/** Bounded: the oldest entry is dropped first. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value): Value {
  if (map.size >= REMEMBERED) map.delete(map.keys().next().value as string);
  map.set(key, value);
  return value;
}
