/** The `DELTA#<id>` items in DynamoDB: one status per delta, written once; all items go with their collection. */
import { setTimeout as wait } from 'node:timers/promises';
import { type AttributeValue, BatchGetItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { z } from 'zod';
import { describeIssues } from '../../errors/describe-issues.ts';
import { CorruptObjectError, StatusConflictError, TableUnavailableError } from '../../errors/errors.ts';
import type { StatusTable } from '../../ports.ts';
import { type DeltaStatus, sameStatus } from '../../snapshot/ledger.ts';
import { DynamoItems, type PlainItem, toAttributes, toPlain } from './dynamo-client.ts';
import { IDENTITY_KEY } from './dynamo-lock-attributes.ts';

const PREFIX = 'DELTA#';

/** DynamoDB's limit for one BatchGetItem. */
const KEYS_PER_BATCH = 100;
const PARALLEL_BATCHES = 4;
const PARALLEL_DELETES = 16;

/** Unprocessed keys are asked for again: 8 tries, with at most 0.05 + 0.1 + ... + 1.6 + 2 = 5.15 s between them. */
const MAX_TRIES = 8;
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2_000;

/** How often a status is written while time to live removes the one in its way. */
const MAX_ROUNDS = 3;

const counter = z.int().nonnegative();
const statusItem = z.object({
  item: z.string().startsWith(PREFIX),
  outcome: z.enum(['applied', 'rejected']),
  version: counter,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  rejectedOperations: counter,
});

const identityItem = z.object({ identity: z.string().regex(/^[0-9A-Za-z-]{1,64}$/) });

type Keys = Array<Record<string, AttributeValue>>;

export interface DynamoStatusesOptions {
  /**
   * Seconds after which DynamoDB may delete a status, by its attribute `ttl` (epoch seconds). Off by default. If set,
   * it is the window in which a late duplicate of a delta is still known as one, and must be published to producers.
   */
  ttlSeconds?: number;
  /** Milliseconds since the epoch, for `ttl`. */
  now?: () => number;
  sleep?: (ms: number) => Promise<unknown>;
}

/** @throws TableUnavailableError, ConfigurationError, CorruptObjectError (an item is not a status) */
export class DynamoStatuses implements StatusTable {
  readonly tableName: string;
  readonly #items: DynamoItems;
  readonly #ttlSeconds: number | undefined;
  readonly #now: () => number;
  readonly #sleep: (ms: number) => Promise<unknown>;

  constructor(
    client: DynamoDBClient,
    tableName: string,
    { ttlSeconds, now = Date.now, sleep = wait }: DynamoStatusesOptions = {},
  ) {
    this.tableName = tableName;
    this.#items = new DynamoItems(client, tableName);
    this.#ttlSeconds = ttlSeconds;
    this.#now = now;
    this.#sleep = sleep;
  }

  async readIdentity(): Promise<string | undefined> {
    const found = await this.#items.read(IDENTITY_KEY.collection, IDENTITY_KEY.item);
    return found && this.#parseIdentity(found);
  }

  /** Sent again after a lost response, it is refused by its own success, and answers with that. */
  async ensureIdentity(candidate: string): Promise<string> {
    const attempt = await this.#items.update(IDENTITY_KEY.collection, IDENTITY_KEY.item, {
      update: 'SET #identity = :identity',
      condition: 'attribute_not_exists(#identity)',
      values: { ':identity': candidate },
      returns: 'ALL_NEW',
    });
    return this.#parseIdentity(attempt.item ?? {});
  }

  #parseIdentity(item: PlainItem): string {
    const { success, data, error } = identityItem.safeParse(item);
    if (success) return data.identity;
    const where = `The item "${IDENTITY_KEY.item}" of "${IDENTITY_KEY.collection}" in table "${this.tableName}"`;
    const advice = 'Restore it: the pointers of this store end with the identity, after the "#" of "statusTable".';
    throw new CorruptObjectError(`${where} is damaged: ${describeIssues(error, item)}. ${advice}`, { cause: error });
  }

  async getStatuses(collection: string, deltaIds: readonly string[]): Promise<Map<string, DeltaStatus>> {
    const keys = [...new Set(deltaIds)].map((id) => toAttributes({ collection, item: PREFIX + id }));
    const batches = chunks(keys, KEYS_PER_BATCH);
    const statuses = new Map<string, DeltaStatus>();
    for (const group of chunks(batches, PARALLEL_BATCHES)) {
      const found = await Promise.all(group.map((batch) => this.#readBatch(batch)));
      for (const item of found.flat()) {
        const { item: key, ...status } = this.#parse(collection, item);
        statuses.set(key.slice(PREFIX.length), status);
      }
    }
    return statuses;
  }

  /** Sent again after a lost response, it finds its own status, which is success. */
  async putStatus(collection: string, deltaId: string, status: DeltaStatus): Promise<void> {
    const item = PREFIX + deltaId;
    const { outcome, version, sha256, rejectedOperations } = status;
    const attributes = { outcome, version, sha256, rejectedOperations, ...this.#expiry() };
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const attempt = await this.#items.create(collection, item, attributes);
      if (attempt.done) return;
      if (attempt.item === undefined) continue;
      const { item: _key, ...standing } = this.#parse(collection, attempt.item);
      if (sameStatus(standing, status)) return;
      const have = `${standing.outcome} in version ${standing.version}, SHA-256 ${standing.sha256}`;
      const want = `${outcome} in version ${version}, SHA-256 ${sha256}`;
      const advice = 'A status never changes: find out which commit decided this delta before anything else is done.';
      const what = `Delta "${deltaId}" of collection "${collection}" has the status ${have}, not ${want}`;
      throw new StatusConflictError(`${what}. ${advice}`);
    }
    const what = `The status of delta "${deltaId}" of collection "${collection}" came and went`;
    throw new TableUnavailableError(`${what} under ${MAX_ROUNDS} writes. Retry later.`);
  }

  async forgetCollection(collection: string): Promise<number> {
    let count = 0;
    for await (const page of this.#items.list(collection)) {
      // One by one: a role that may write in batches may also write statuses.
      for (const group of chunks(page, PARALLEL_DELETES)) {
        await Promise.all(group.map((item) => this.#items.remove(collection, item)));
      }
      count += page.length;
    }
    return count;
  }

  async #readBatch(keys: Keys): Promise<PlainItem[]> {
    const found: PlainItem[] = [];
    let pending = keys;
    for (let tries = 1; ; tries++) {
      const command = new BatchGetItemCommand({
        RequestItems: { [this.tableName]: { Keys: pending, ConsistentRead: true } },
      });
      const { Responses = {}, UnprocessedKeys = {} } = await this.#items.call((client) => client.send(command));
      found.push(...(Responses[this.tableName] ?? []).map(toPlain));
      pending = UnprocessedKeys[this.tableName]?.Keys ?? [];
      if (pending.length === 0) return found;
      if (tries === MAX_TRIES) {
        const what = `Table "${this.tableName}" left ${pending.length} of ${keys.length} statuses unread`;
        throw new TableUnavailableError(`${what} in ${MAX_TRIES} tries: it is throttled. Retry later.`);
      }
      await this.#sleep(Math.random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (tries - 1)));
    }
  }

  #expiry(): { ttl?: number } {
    return this.#ttlSeconds === undefined ? {} : { ttl: Math.ceil(this.#now() / 1000) + this.#ttlSeconds };
  }

  #parse(collection: string, item: PlainItem): z.infer<typeof statusItem> {
    const { success, data, error } = statusItem.safeParse(item);
    if (success) return data;
    const where = `Item "${item.item}" of collection "${collection}" in table "${this.tableName}" is not a status`;
    // An update by a lock's attributes may make an item here, and changes none that is a status: see cdk/grants.ts.
    const none = 'If it has no outcome, delete it: no status is lost by that';
    const advice = `Compare it with the manifest of the version that it names, and restore it. ${none}.`;
    throw new CorruptObjectError(`${where}: ${describeIssues(error, item)}. ${advice}`, { cause: error });
  }
}

function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) => items.slice(n * size, (n + 1) * size));
}
