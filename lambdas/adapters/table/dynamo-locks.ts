/**
 * The `LOCK` items in DynamoDB. Each method is one conditional update that states the condition of the pure function
 * of the same name in `protocol/lock.ts`. When it is refused, that function is asked about the item that stood in the
 * way: it names the reason, or finds that the item has changed since, and the update is tried again.
 */
import { isDeepStrictEqual } from 'node:util';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { z } from 'zod';
import { describeIssues } from '../../errors/describe-issues.ts';
import { CorruptObjectError, LockHeldError, TableUnavailableError } from '../../errors/errors.ts';
import type { LockTable } from '../../ports.ts';
import * as lock from '../../protocol/lock.ts';
import { type ConditionalUpdate, DynamoItems, type PlainItem } from './dynamo-client.ts';
import type { LockAttribute } from './dynamo-lock-attributes.ts';
import {
  CLAIM_ENDS_EARLIER,
  CLAIM_IS_MINE,
  CLAIM_LIVE,
  CLAIM_OWNER_IS_ME,
  LOCK_FREE,
  LOCK_IS_MINE,
  LOCK_UNEXPIRED,
  MINT_ABOVE_ITEM,
  MINT_ABOVE_POINTER,
  NEVER_WOKEN,
  NO_LIVE_CLAIM,
  TOKEN_BEHIND_POINTER,
  TOKEN_REACHES_POINTER,
  WAKE_UNCHANGED,
} from './dynamo-lock-conditions.ts';

const LOCK = 'LOCK';

/** How often an update is tried while other writers change the item between the refusal and the look at it. */
const MAX_ROUNDS = 20;

/** What a date can hold. */
const instant = z.number().min(0).max(8.64e15);
const counter = z.int().nonnegative();
const lockItem = z.object({
  owner: z.string().optional(),
  token: counter,
  phase: z.enum(lock.LOCK_PHASES).optional(),
  acquiredAt: instant.optional(),
  expiresAt: instant.optional(),
  claimOwner: z.string().optional(),
  claimToken: counter.optional(),
  claimExpiresAt: instant.optional(),
  wake: counter.optional(),
} satisfies Record<LockAttribute, z.ZodType>);

/** @throws TableUnavailableError, ConfigurationError, CorruptObjectError (the item is not a lock item) */
export class DynamoLocks implements LockTable {
  readonly #items: DynamoItems;

  constructor(client: DynamoDBClient, tableName: string) {
    this.#items = new DynamoItems(client, tableName);
  }

  async readLock(collection: string): Promise<lock.LockItem | undefined> {
    return this.#parse(collection, await this.#items.read(collection, LOCK));
  }

  /** Sent again after a lost response, it acquires again, under a higher token; the caller is told of the last one. */
  async acquireLock(collection: string, request: lock.AcquireRequest): Promise<{ token: number }> {
    const { owner, phase, pointerToken, now, durationMs } = request;
    const lease = '#owner = :owner, #phase = :phase, #acquiredAt = :now, #expiresAt = :expiresAt';
    const lent = { ':owner': owner, ':phase': phase, ':now': now, ':expiresAt': now + durationMs };
    const values = { ...lent, ':pointerToken': pointerToken, ':one': 1 };
    const verdict = await this.#apply(
      collection,
      (item) => lock.acquireLock(item, request),
      (item) => {
        const behind = item !== undefined && item.token < pointerToken;
        const minted = behind ? MINT_ABOVE_POINTER : MINT_ABOVE_ITEM;
        return {
          update: `SET ${lease}, ${minted}`,
          condition: `${behind ? TOKEN_BEHIND_POINTER : TOKEN_REACHES_POINTER} AND ${LOCK_FREE}`,
          values,
          returns: 'ALL_NEW',
        };
      },
    );
    if (!verdict.ok) throw new LockHeldError(collection, verdict.refusal.owner, verdict.refusal.expiresAt);
    return { token: verdict.item.token };
  }

  /** Sent again after a lost response, it finds the lock no longer held, and answers `undefined`. */
  async releaseLock(collection: string, holder: lock.Holder): Promise<{ acquiredAt: number } | undefined> {
    const verdict = await this.#apply(
      collection,
      (item) => lock.releaseLock(item, holder),
      () => ({
        update: 'REMOVE #owner, #phase, #acquiredAt, #expiresAt',
        condition: LOCK_IS_MINE,
        values: holderValues(holder),
        returns: 'ALL_OLD',
      }),
    );
    return verdict.ok ? { acquiredAt: verdict.item.acquiredAt ?? 0 } : undefined;
  }

  /** Sent again after a lost response, it takes the same claim again. */
  async takeClaim(
    collection: string,
    request: lock.ClaimRequest,
  ): Promise<{ token: number } | 'lock-lost' | 'claimed'> {
    const { holder, now, durationMs } = request;
    const verdict = await this.#apply(
      collection,
      (item) => lock.takeClaim(item, request),
      () => ({
        update:
          'SET #claimOwner = :owner, #claimToken = :token, #claimExpiresAt = :claimExpiresAt, ' +
          '#wake = if_not_exists(#wake, :zero)',
        condition: `${LOCK_IS_MINE} AND ${LOCK_UNEXPIRED} AND (${NO_LIVE_CLAIM} OR ${CLAIM_OWNER_IS_ME})`,
        values: { ...holderValues(holder), ':now': now, ':claimExpiresAt': now + durationMs, ':zero': 0 },
        returns: 'ALL_NEW',
      }),
    );
    return verdict.ok ? { token: holder.token } : verdict.refusal;
  }

  /** Sent again after a lost response, it finds the claim renewed already, which is success. */
  async renewClaim(collection: string, holder: lock.Holder, now: number, durationMs: number): Promise<boolean> {
    const verdict = await this.#apply(
      collection,
      (item) => lock.renewClaim(item, holder, now, durationMs),
      () => ({
        update: 'SET #claimExpiresAt = :claimExpiresAt',
        condition: `${CLAIM_IS_MINE} AND ${CLAIM_ENDS_EARLIER}`,
        values: { ...holderValues(holder), ':claimExpiresAt': now + durationMs },
        returns: 'ALL_NEW',
      }),
    );
    return verdict.ok;
  }

  /** Sent again after a lost response, it counts twice (the claimant looks once more), or finds the claim gone. */
  async wakeClaimant(collection: string, now: number): Promise<boolean> {
    const verdict = await this.#apply(
      collection,
      (item) => lock.wakeClaimant(item, now),
      () => ({
        update: 'ADD #wake :one',
        condition: CLAIM_LIVE,
        values: { ':now': now, ':one': 1 },
        returns: 'ALL_NEW',
      }),
    );
    return verdict.ok;
  }

  /** Sent again after a lost response, it answers `false`: the caller reads the item and finds the claim gone. */
  async releaseClaim(collection: string, holder: lock.Holder, wake?: number): Promise<boolean> {
    const unchanged = wake === 0 ? NEVER_WOKEN : WAKE_UNCHANGED;
    const verdict = await this.#apply(
      collection,
      (item) => lock.releaseClaim(item, holder, wake),
      () => ({
        update: 'REMOVE #claimOwner, #claimExpiresAt',
        condition: wake === undefined ? CLAIM_IS_MINE : `${CLAIM_IS_MINE} AND ${unchanged}`,
        values: { ...holderValues(holder), ...(wake === undefined ? {} : { ':wake': wake }) },
        returns: 'ALL_OLD',
      }),
    );
    return verdict.ok;
  }

  /** One update, tried again only if the item has changed between its refusal and the look at the item. */
  async #apply<Value, Refusal>(
    collection: string,
    transition: (item: lock.LockItem | undefined) => lock.Transition<Value, Refusal>,
    updateFor: (standing: lock.LockItem | undefined) => ConditionalUpdate,
  ): Promise<{ ok: true; item: lock.LockItem } | { ok: false; refusal: Refusal }> {
    let standing: lock.LockItem | undefined;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const attempt = await this.#items.update(collection, LOCK, updateFor(standing));
      const item = this.#parse(collection, attempt.item);
      if (attempt.done && item !== undefined) return { ok: true, item };
      const verdict = transition(item);
      if (!verdict.ok) return verdict;
      if (item !== undefined && isDeepStrictEqual(item, verdict.item)) return { ok: true, item };
      standing = item;
    }
    const where = `The lock item of collection "${collection}" in table "${this.#items.tableName}"`;
    throw new TableUnavailableError(`${where} kept changing under ${MAX_ROUNDS} updates. Retry later.`);
  }

  #parse(collection: string, item: PlainItem | undefined): lock.LockItem | undefined {
    if (item === undefined) return undefined;
    const { success, data, error } = lockItem.safeParse(item);
    if (success) return data;
    const where = `The lock item of collection "${collection}" in table "${this.#items.tableName}" is malformed`;
    const advice = 'Delete it: no update is lost by that, and the next acquire writes it again.';
    throw new CorruptObjectError(`${where}: ${describeIssues(error, item)}. ${advice}`, { cause: error });
  }
}

function holderValues({ owner, token }: lock.Holder) {
  return { ':owner': owner, ':token': token };
}
