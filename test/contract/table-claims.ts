/** What every `LockTable` must do about claims. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LockTable } from '../../lambdas/ports.ts';
import type { AcquireRequest, Holder } from '../../lambdas/protocol/lock.ts';
import type { TableAdapter, TableUnderTest } from './table-suite.ts';

const MINUTE = 60_000;

function request(owner: string, overrides: Partial<AcquireRequest> = {}): AcquireRequest {
  return { owner, phase: 'validation', pointerToken: 0, now: 1_000, durationMs: MINUTE, ...overrides };
}

export function describeClaims(adapter: TableAdapter): void {
  describe(`claim: ${adapter.name}`, () => {
    let table: TableUnderTest;
    let locks: LockTable;
    let collections = 0;
    const collection = () => `claims-${++collections}`;

    /** Acquire the lock and take the claim: the state that most claim rules start from. */
    async function claimed(name: string, owner: string): Promise<Holder> {
      const { token } = await locks.acquireLock(name, request(owner));
      await locks.takeClaim(name, { holder: { owner, token }, now: 1_000, durationMs: MINUTE });
      return { owner, token };
    }

    beforeAll(async () => {
      table = await adapter.open();
      locks = table.locks;
    });
    afterAll(() => table.close());

    it('is taken under the token of the lock, and survives the release of the lock', async () => {
      const name = collection();
      const holder = await claimed(name, 'a');
      await locks.releaseLock(name, holder);
      const expected = { token: 1, claimOwner: 'a', claimToken: 1, claimExpiresAt: 61_000, wake: 0 };
      expect(await locks.readLock(name)).toEqual(expected);
    });

    it('needs the lock: not another token, nor an expired one, nor a released one', async () => {
      const name = collection();
      const { token } = await locks.acquireLock(name, request('a'));
      const holder = { owner: 'a', token };
      const take = (by: Holder, now: number) => locks.takeClaim(name, { holder: by, now, durationMs: MINUTE });
      expect(await take({ owner: 'a', token: token + 1 }, 1_000)).toBe('lock-lost');
      expect(await take({ owner: 'b', token }, 1_000)).toBe('lock-lost');
      expect(await take(holder, 61_000)).toBe('lock-lost');
      await locks.releaseLock(name, holder);
      expect(await take(holder, 1_000)).toBe('lock-lost');
      expect((await locks.readLock(name))?.claimOwner).toBeUndefined();
    });

    it('is refused while another claim is live, and free once that has expired', async () => {
      const name = collection();
      await locks.releaseLock(name, await claimed(name, 'a'));
      const { token } = await locks.acquireLock(name, request('b', { now: 30_000 }));
      const holder = { owner: 'b', token };
      expect(await locks.takeClaim(name, { holder, now: 60_999, durationMs: MINUTE })).toBe('claimed');
      expect(await locks.takeClaim(name, { holder, now: 61_000, durationMs: MINUTE })).toEqual({ token });
      expect(await locks.readLock(name)).toMatchObject({ claimOwner: 'b', claimToken: token, wake: 0 });
    });

    it('may be taken again by its owner, under a new token', async () => {
      const name = collection();
      await claimed(name, 'a');
      expect(await claimed(name, 'a')).toEqual({ owner: 'a', token: 2 });
      expect(await locks.readLock(name)).toMatchObject({ claimOwner: 'a', claimToken: 2 });
    });

    it('is renewed by owner and token, never shortened', async () => {
      const name = collection();
      const holder = await claimed(name, 'a');
      expect(await locks.renewClaim(name, holder, 40_000, MINUTE)).toBe(true);
      expect(await locks.renewClaim(name, holder, 20_000, MINUTE)).toBe(true);
      expect(await locks.renewClaim(name, { ...holder, token: 9 }, 50_000, MINUTE)).toBe(false);
      expect(await locks.renewClaim(name, { ...holder, owner: 'b' }, 50_000, MINUTE)).toBe(false);
      expect(await locks.readLock(name)).toMatchObject({ claimExpiresAt: 100_000 });
    });

    it('is not stolen back by a late heartbeat', async () => {
      const name = collection();
      const late = await claimed(name, 'a');
      const { token } = await locks.acquireLock(name, request('b', { now: 61_000 }));
      await locks.takeClaim(name, { holder: { owner: 'b', token }, now: 61_000, durationMs: MINUTE });
      const before = await locks.readLock(name);
      expect(await locks.renewClaim(name, late, 61_001, MINUTE)).toBe(false);
      expect(await locks.readLock(name)).toEqual(before);
    });

    it('is not brought back by a heartbeat after its release', async () => {
      const name = collection();
      const holder = await claimed(name, 'a');
      expect(await locks.releaseClaim(name, holder)).toBe(true);
      expect(await locks.renewClaim(name, holder, 2_000, MINUTE)).toBe(false);
      const item = await locks.readLock(name);
      expect(item).toMatchObject({ claimToken: 1, wake: 0 });
      expect(item).not.toHaveProperty('claimOwner');
      expect(item).not.toHaveProperty('claimExpiresAt');
    });

    it('is woken only while it is live', async () => {
      const name = collection();
      const holder = await claimed(name, 'a');
      expect(await locks.wakeClaimant(name, 60_999)).toBe(true);
      expect(await locks.wakeClaimant(name, 61_000)).toBe(false);
      await locks.releaseClaim(name, holder);
      expect(await locks.wakeClaimant(name, 1_000)).toBe(false);
      expect(await locks.readLock(name)).toMatchObject({ wake: 1 });
    });

    it('counts wake-ups and never starts over', async () => {
      const name = collection();
      const first = await claimed(name, 'a');
      const woken = await Promise.all(Array.from({ length: 50 }, () => locks.wakeClaimant(name, 1_000)));
      expect(woken).toEqual(Array(50).fill(true));
      await locks.releaseClaim(name, first);
      await locks.releaseLock(name, first);
      await claimed(name, 'b');
      expect(await locks.readLock(name)).toMatchObject({ claimOwner: 'b', wake: 50 });
    });

    it('is released by owner and token, on condition of an unchanged wake', async () => {
      const name = collection();
      const holder = await claimed(name, 'a');
      await locks.wakeClaimant(name, 1_000);
      await locks.wakeClaimant(name, 1_000);
      expect(await locks.releaseClaim(name, holder, 0)).toBe(false);
      expect(await locks.releaseClaim(name, holder, 1)).toBe(false);
      expect(await locks.releaseClaim(name, { ...holder, token: 9 }, 2)).toBe(false);
      expect(await locks.releaseClaim(name, { ...holder, owner: 'b' }, 2)).toBe(false);
      expect(await locks.readLock(name)).toMatchObject({ claimOwner: 'a' });
      expect(await locks.releaseClaim(name, holder, 2)).toBe(true);
      expect(await locks.releaseClaim(name, holder, 2)).toBe(false);
    });

    it('may be released whatever the wake', async () => {
      const name = collection();
      const holder = await claimed(name, 'a');
      await locks.wakeClaimant(name, 1_000);
      expect(await locks.releaseClaim(name, holder)).toBe(true);
    });

    it('keeps collections apart', async () => {
      const [one, other] = [collection(), collection()];
      await claimed(one, 'a');
      const before = await locks.readLock(one);
      const holder = await claimed(other, 'b');
      await locks.wakeClaimant(other, 1_000);
      await locks.releaseClaim(other, holder);
      await locks.releaseLock(other, holder);
      expect(await locks.readLock(one)).toEqual(before);
    });
  });
}
