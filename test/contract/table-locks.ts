/** What every `LockTable` must do about locks. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LockHeldError } from '../../lambdas/errors/errors.ts';
import type { LockTable } from '../../lambdas/ports.ts';
import type { AcquireRequest } from '../../lambdas/protocol/lock.ts';
import type { TableAdapter, TableUnderTest } from './table-suite.ts';

const MINUTE = 60_000;

function request(owner: string, overrides: Partial<AcquireRequest> = {}): AcquireRequest {
  return { owner, phase: 'validation', pointerToken: 0, now: 1_000, durationMs: MINUTE, ...overrides };
}

export function describeLocks(adapter: TableAdapter): void {
  describe(`lock: ${adapter.name}`, () => {
    let table: TableUnderTest;
    let locks: LockTable;
    let collections = 0;
    const collection = () => `collection-${++collections}`;

    beforeAll(async () => {
      table = await adapter.open();
      locks = table.locks;
    });
    afterAll(() => table.close());

    it('has no item before the first acquire', async () => {
      expect(await locks.readLock(collection())).toBeUndefined();
    });

    it('writes who holds it, for what, and until when', async () => {
      const name = collection();
      const { token } = await locks.acquireLock(name, request('a', { phase: 'swap', pointerToken: 7 }));
      const expected = { owner: 'a', token: 8, phase: 'swap', acquiredAt: 1_000, expiresAt: 61_000 };
      expect(token).toBe(8);
      expect(await locks.readLock(name)).toEqual(expected);
    });

    it('lets exactly one of 50 racers win, and tells the others who did', async () => {
      const name = collection();
      const racers = Array.from({ length: 50 }, (_, n) => locks.acquireLock(name, request(`racer-${n}`)));
      const results = await Promise.allSettled(racers);
      const winners = results.flatMap((result, n) => (result.status === 'fulfilled' ? [`racer-${n}`] : []));
      const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
      expect(winners).toHaveLength(1);
      for (const reason of reasons) {
        expect(reason).toBeInstanceOf(LockHeldError);
        expect(reason).toMatchObject({ owner: winners[0], expiresAt: 61_000 });
      }
    });

    it('lets exactly one racer win when they planned from pointers ahead of the item', async () => {
      const name = collection();
      const { token } = await locks.acquireLock(name, request('a'));
      await locks.releaseLock(name, { owner: 'a', token });
      const racers = Array.from({ length: 20 }, (_, n) =>
        locks.acquireLock(name, request(`racer-${n}`, { pointerToken: 5 + n })),
      );
      const results = await Promise.allSettled(racers);
      const tokens = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.token] : []));
      expect(tokens).toHaveLength(1);
      expect((await locks.readLock(name))?.token).toBe(tokens[0]);
    });

    it('mints rising tokens, above the pointer too, even after the item is deleted', async () => {
      const name = collection();
      const tokens: number[] = [];
      for (const pointerToken of [0, 0, 5, 3]) {
        const { token } = await locks.acquireLock(name, request('a', { pointerToken }));
        await locks.releaseLock(name, { owner: 'a', token });
        tokens.push(token);
      }
      await table.deleteLock(name);
      tokens.push((await locks.acquireLock(name, request('b', { pointerToken: 7 }))).token);
      expect(tokens).toEqual([1, 2, 6, 7, 8]);
    });

    it('refuses a racer even when the pointer is ahead of the item', async () => {
      const name = collection();
      await locks.acquireLock(name, request('a'));
      await expect(locks.acquireLock(name, request('b', { pointerToken: 9 }))).rejects.toThrow(LockHeldError);
      expect(await locks.readLock(name)).toMatchObject({ owner: 'a', token: 1 });
    });

    it('is held until the last moment before it expires', async () => {
      const name = collection();
      await locks.acquireLock(name, request('a'));
      await expect(locks.acquireLock(name, request('b', { now: 60_999 }))).rejects.toThrow(LockHeldError);
      expect(await locks.acquireLock(name, request('b', { now: 61_000 }))).toEqual({ token: 2 });
    });

    it('may be acquired again by its owner, whose response may have been lost', async () => {
      const name = collection();
      await locks.acquireLock(name, request('a'));
      expect(await locks.acquireLock(name, request('a', { now: 2_000 }))).toEqual({ token: 2 });
      expect(await locks.readLock(name)).toMatchObject({ acquiredAt: 2_000, expiresAt: 62_000 });
    });

    it('is released by owner and token only', async () => {
      const name = collection();
      await locks.acquireLock(name, request('a'));
      const { token } = await locks.acquireLock(name, request('a'));
      expect(await locks.releaseLock(name, { owner: 'b', token })).toBeUndefined();
      expect(await locks.releaseLock(name, { owner: 'a', token: token - 1 })).toBeUndefined();
      expect(await locks.readLock(name)).toMatchObject({ owner: 'a', token });
      expect(await locks.releaseLock(name, { owner: 'a', token })).toEqual({ acquiredAt: 1_000 });
    });

    it('ignores the release of a holder who came too late', async () => {
      const name = collection();
      await locks.acquireLock(name, request('a'));
      await locks.acquireLock(name, request('b', { now: 61_000 }));
      expect(await locks.releaseLock(name, { owner: 'a', token: 1 })).toBeUndefined();
      expect(await locks.readLock(name)).toMatchObject({ owner: 'b', token: 2 });
    });

    it('keeps item and token when it is released, and finds the second release not held', async () => {
      const name = collection();
      await locks.acquireLock(name, request('a'));
      await locks.releaseLock(name, { owner: 'a', token: 1 });
      expect(await locks.readLock(name)).toEqual({ token: 1 });
      expect(await locks.releaseLock(name, { owner: 'a', token: 1 })).toBeUndefined();
    });

    it('does not create an item by releasing, renewing, claiming or waking', async () => {
      const name = collection();
      const holder = { owner: 'a', token: 1 };
      expect(await locks.releaseLock(name, holder)).toBeUndefined();
      expect(await locks.takeClaim(name, { holder, now: 1_000, durationMs: MINUTE })).toBe('lock-lost');
      expect(await locks.renewClaim(name, holder, 1_000, MINUTE)).toBe(false);
      expect(await locks.wakeClaimant(name, 1_000)).toBe(false);
      expect(await locks.releaseClaim(name, holder)).toBe(false);
      expect(await locks.readLock(name)).toBeUndefined();
    });

    it('keeps collections apart', async () => {
      const [one, other] = [collection(), collection()];
      await locks.acquireLock(one, request('a'));
      const before = await locks.readLock(one);
      expect(await locks.acquireLock(other, request('b', { pointerToken: 4 }))).toEqual({ token: 5 });
      await locks.releaseLock(other, { owner: 'b', token: 5 });
      expect(await locks.readLock(one)).toEqual(before);
    });
  });
}
