/** After a round: everything that must hold of a collection at rest. Each string is one difference. */
import { isDeepStrictEqual } from 'node:util';
import { ObjectNotFoundError } from '../../lambdas/errors/errors.ts';
import type { EngineRecord, Ports } from '../../lambdas/ports.ts';
import { inboxPrefix, manifestsPrefix, packsPrefix, rejectionKey } from '../../lambdas/snapshot/keys.ts';
import { type LedgerEntry, sameStatus, statusOf } from '../../lambdas/snapshot/ledger.ts';
import { verifyVersion } from '../../lambdas/upkeep/verify-version.ts';
import { withCheckout } from '../../lambdas/versions/checkout.ts';
import type { LoadedManifest } from '../../lambdas/versions/load-manifest.ts';
import { walkVersions } from '../../lambdas/versions/walk-versions.ts';
import { Model, type Sent } from './model.ts';

/** What an inbox took, by id and in order; and other content that it took under an id of that. */
export interface Taken {
  first: ReadonlyMap<string, Sent>;
  reused: readonly Sent[];
}

export interface Check {
  differences: string[];
  versions: number;
  records: number;
}

/** @param producerOf Whose order a delta must keep; one producer sent all of them without it. */
export async function checkCollection(
  ports: Ports,
  collection: string,
  producer: Taken,
  producerOf: (deltaId: string) => string = () => '',
): Promise<Check> {
  const differences: string[] = [];
  const versions: LoadedManifest[] = [];
  for await (const loaded of walkVersions(ports, collection)) versions.push(loaded);
  const [newest] = versions;
  if (newest === undefined) return { differences: ['there is no version'], versions: 0, records: 0 };
  const oldestFirst = versions.toReversed();
  for (const [n, { manifest }] of oldestFirst.entries()) {
    if (manifest.version !== n) differences.push(`version ${manifest.version} stands at place ${n} of the ancestry`);
    if (n > 0) await verifyVersion(ports, oldestFirst[n] as LoadedManifest);
  }
  const decided = oldestFirst.flatMap(({ manifest }) => manifest.ledger.filter((e) => e.version === manifest.version));
  const model = new Model();
  differences.push(...compareDecisions(decided, producer.first, producerOf, model));
  differences.push(...(await compareStatuses(ports, collection, decided)));
  differences.push(...(await compareReports(ports, collection, decided, producer.reused)));
  differences.push(...(await compareRecords(ports, newest, model.records)));
  differences.push(...(await checkAtRest(ports, collection)));
  return { differences, versions: versions.length, records: model.records.size };
}

/** Every delta that the inbox took is decided once, with its own content, in the order of arrival. Fills the model. */
function compareDecisions(
  decided: readonly LedgerEntry[],
  first: ReadonlyMap<string, Sent>,
  producerOf: (deltaId: string) => string,
  model: Model,
): string[] {
  const differences: string[] = [];
  const seen = new Set<string>();
  const unseen = new Set(first.keys());
  for (const { rejections: _rejections, ...entry } of decided) {
    const { deltaId, version } = entry;
    const sent = first.get(deltaId);
    if (seen.has(deltaId)) differences.push(`${deltaId} is applied again in version ${version}`);
    if (sent === undefined || sent.sha256 !== entry.sha256) {
      differences.push(
        `${deltaId} is decided in version ${version} for content ${entry.sha256}, which was not sent first`,
      );
      continue;
    }
    // A producer that awaits each of its deltas: no later one may come before an earlier one.
    const next = [...unseen].find((id) => producerOf(id) === producerOf(deltaId));
    if (!seen.has(deltaId) && next !== deltaId)
      differences.push(`${deltaId} is applied in version ${version} before ${next}`);
    seen.add(deltaId);
    unseen.delete(deltaId);
    const expected = model.apply(sent, version);
    if (!isDeepStrictEqual(entry, expected)) {
      differences.push(`${deltaId} is decided as ${JSON.stringify(entry)}, not ${JSON.stringify(expected)}`);
    }
  }
  for (const deltaId of unseen) differences.push(`${deltaId} is in no version`);
  return differences;
}

async function compareStatuses(ports: Ports, collection: string, decided: readonly LedgerEntry[]): Promise<string[]> {
  const statuses = await ports.statuses.getStatuses(
    collection,
    decided.map(({ deltaId }) => deltaId),
  );
  return decided.flatMap((entry) => {
    const status = statuses.get(entry.deltaId);
    if (status !== undefined && sameStatus(status, statusOf(entry))) return [];
    return [`${entry.deltaId} has the status ${JSON.stringify(status)}, its manifest says ${JSON.stringify(entry)}`];
  });
}

/** Every rejection has its report, those of ids that were used for other content included. */
async function compareReports(
  ports: Ports,
  collection: string,
  decided: readonly LedgerEntry[],
  reused: readonly Sent[],
): Promise<string[]> {
  const rejected = decided.filter((entry) => entry.rejectedOperations > 0);
  const keys = [
    ...rejected.map(({ deltaId }) => rejectionKey(collection, deltaId)),
    ...reused.map(({ deltaId, sha256 }) => rejectionKey(collection, deltaId, sha256)),
  ];
  const missing: string[] = [];
  for (const key of keys) {
    await ports.store.head(key).catch((error: unknown) => {
      if (!(error instanceof ObjectNotFoundError)) throw error;
      missing.push(`there is no report ${key}`);
    });
  }
  return missing;
}

/** By a Chroma server on a checkout, record by record. */
export async function compareRecords(
  ports: Ports,
  newest: LoadedManifest,
  expected: ReadonlyMap<string, EngineRecord>,
): Promise<string[]> {
  const { collection } = newest.manifest;
  const { count, records } = await withCheckout(ports, newest, async (directory) => {
    const session = await ports.engine.open(directory);
    try {
      await session.useCollection(collection, newest.manifest);
      return { count: await session.count(), records: await session.get([...expected.keys()]) };
    } finally {
      await session.close();
    }
  });
  const differences = count === expected.size ? [] : [`there are ${count} records, not ${expected.size}`];
  const found = new Map(records.map((record) => [record.id, record]));
  for (const [id, record] of expected) {
    const actual = found.get(id);
    if (isDeepStrictEqual(sorted(actual), sorted(record))) continue;
    differences.push(`record ${id} is ${JSON.stringify(actual)}, not ${JSON.stringify(record)}`);
  }
  return differences;
}

/** Chroma gives metadata back in an order of its own. */
function sorted(record: EngineRecord | undefined): unknown {
  if (record === undefined) return undefined;
  const { metadata, ...rest } = record;
  const present = Object.entries(rest).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(present), metadata: Object.entries(metadata ?? {}).sort() };
}

/** Nothing waits, nothing is held, and the cache holds nothing but what the store holds. */
async function checkAtRest(ports: Ports, collection: string): Promise<string[]> {
  const differences: string[] = [];
  for await (const page of ports.store.list(inboxPrefix(collection))) {
    differences.push(...page.map(({ key }) => `${key} is still in the inbox`));
  }
  const item = await ports.locks.readLock(collection);
  if (item?.owner !== undefined) differences.push(`the lock is held by ${item.owner}`);
  if (item?.claimOwner !== undefined) differences.push(`the claim is held by ${item.claimOwner}`);
  for (const prefix of [manifestsPrefix(collection), packsPrefix(collection)]) {
    for await (const page of ports.store.list(prefix)) {
      for (const { key } of page) {
        const cached = await ports.cache.read(key);
        const { body } = await ports.store.get(key);
        if (cached !== undefined && !Buffer.from(cached).equals(body)) differences.push(`${key} differs in the cache`);
      }
    }
  }
  return differences;
}
