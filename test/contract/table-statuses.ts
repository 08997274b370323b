/** What every `StatusTable` must do. */
import { hash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StatusConflictError } from '../../lambdas/errors/errors.ts';
import type { StatusTable } from '../../lambdas/ports.ts';
import type { DeltaStatus } from '../../lambdas/snapshot/ledger.ts';
import type { TableAdapter, TableUnderTest } from './table-suite.ts';

function status(content: string, overrides: Partial<DeltaStatus> = {}): DeltaStatus {
  return { outcome: 'applied', version: 3, sha256: hash('sha256', content), rejectedOperations: 0, ...overrides };
}

export function describeStatuses(adapter: TableAdapter): void {
  describe(`StatusTable: ${adapter.name}`, () => {
    let table: TableUnderTest;
    let statuses: StatusTable;
    let collections = 0;
    const collection = () => `statuses-${++collections}`;

    beforeAll(async () => {
      table = await adapter.open();
      statuses = table.statuses;
    });
    afterAll(() => table.close());

    it('carries a name, by which two stacks on one store notice each other', () => {
      expect(statuses.tableName).not.toBe('');
    });

    it('is given an identity once, of fifty that are offered', async () => {
      expect(await statuses.readIdentity()).toBeUndefined();
      const offered = Array.from({ length: 50 }, (_, n) => `identity-${n}`);
      const taken = await Promise.all(offered.map((candidate) => statuses.ensureIdentity(candidate)));
      expect(offered).toContain(taken[0]);
      expect(new Set([...taken, await statuses.readIdentity(), await statuses.ensureIdentity('late')]).size).toBe(1);
    });

    it('reads what was written, and nothing for other ids', async () => {
      const name = collection();
      const applied = status('one', { rejectedOperations: 2 });
      const rejected = status('two', { outcome: 'rejected', version: 4, rejectedOperations: 9 });
      await statuses.putStatus(name, 'one', applied);
      await statuses.putStatus(name, 'two', rejected);
      const found = await statuses.getStatuses(name, ['one', 'two', 'three']);
      expect(found).toEqual(
        new Map([
          ['one', applied],
          ['two', rejected],
        ]),
      );
    });

    it('takes an equal status again: the first response may have been lost', async () => {
      const name = collection();
      await statuses.putStatus(name, 'one', status('one'));
      await statuses.putStatus(name, 'one', status('one'));
      expect(await statuses.getStatuses(name, ['one'])).toEqual(new Map([['one', status('one')]]));
    });

    it.each([
      ['outcome', { outcome: 'rejected' }],
      ['version', { version: 4 }],
      ['content', { sha256: hash('sha256', 'other') }],
      ['count of rejected operations', { rejectedOperations: 1 }],
    ] as const)('refuses a status of another %s and keeps the first', async (_part, change) => {
      const name = collection();
      await statuses.putStatus(name, 'one', status('one'));
      await expect(statuses.putStatus(name, 'one', status('one', change))).rejects.toThrow(StatusConflictError);
      expect(await statuses.getStatuses(name, ['one'])).toEqual(new Map([['one', status('one')]]));
    });

    it('lets one of 50 different statuses win', async () => {
      const name = collection();
      const racers = Array.from({ length: 50 }, (_, version) => status('one', { version }));
      const results = await Promise.allSettled(racers.map((racer) => statuses.putStatus(name, 'one', racer)));
      const winners = racers.filter((_, n) => results[n]?.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      expect((await statuses.getStatuses(name, ['one'])).get('one')).toEqual(winners[0]);
    });

    it('reads more ids than fit in one request, repeated ones included', async () => {
      const name = collection();
      const ids = Array.from({ length: 250 }, (_, n) => `delta-${n}`);
      const written = ids.filter((_, n) => n % 5 !== 0);
      await Promise.all(written.map((id) => statuses.putStatus(name, id, status(id))));
      const found = await statuses.getStatuses(name, [...ids.slice(0, 20), ...ids]);
      expect(found).toEqual(new Map(written.map((id) => [id, status(id)])));
    });

    it('reads no ids as no statuses', async () => {
      expect(await statuses.getStatuses(collection(), [])).toEqual(new Map());
    });

    it('hands out copies', async () => {
      const name = collection();
      const mine = status('one');
      await statuses.putStatus(name, 'one', mine);
      mine.version = 99;
      for (const found of (await statuses.getStatuses(name, ['one'])).values()) found.version = 98;
      expect(await statuses.getStatuses(name, ['one'])).toEqual(new Map([['one', status('one')]]));
    });

    it('forgets all of a collection, more than one page of it, and nothing of another', async () => {
      const [gone, other] = [collection(), collection()];
      const ids = Array.from({ length: 60 }, (_, n) => `delta-${n}`);
      await Promise.all(ids.map((id) => statuses.putStatus(gone, id, status(id))));
      await statuses.putStatus(other, 'one', status('one'));
      const acquire = { owner: 'a', phase: 'validation', pointerToken: 0, now: 1_000, durationMs: 1_000 } as const;
      await table.locks.acquireLock(gone, acquire);
      const identity = await statuses.ensureIdentity('late');

      const counts = [await statuses.forgetCollection(gone), await statuses.forgetCollection(gone)];

      expect(counts).toEqual([61, 0]);
      expect(await statuses.getStatuses(gone, ids)).toEqual(new Map());
      expect(await table.locks.readLock(gone)).toBeUndefined();
      expect(await statuses.getStatuses(other, ['one'])).toEqual(new Map([['one', status('one')]]));
      expect(await statuses.readIdentity()).toBe(identity);
    });

    it('keeps collections apart, and statuses apart from the lock', async () => {
      const [one, other] = [collection(), collection()];
      await statuses.putStatus(one, 'LOCK', status('one'));
      expect(await statuses.getStatuses(other, ['LOCK'])).toEqual(new Map());
      expect(await table.locks.readLock(one)).toBeUndefined();
    });
  });
}
