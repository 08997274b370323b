/** The conditions of every `LockTable` mean what the transitions of `protocol/lock.ts` say, over any history. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LockHeldError } from '../../lambdas/errors/errors.ts';
import type { LockTable } from '../../lambdas/ports.ts';
import { type Call, history } from '../property/lock-histories.ts';
import { MemoryTable } from '../support/memory-table.ts';
import type { TableAdapter, TableUnderTest } from './table-suite.ts';

export function describeLockModel(adapter: TableAdapter): void {
  describe(`lock and claim as a model: ${adapter.name}`, () => {
    let table: TableUnderTest;
    let collections = 0;
    beforeAll(async () => {
      table = await adapter.open();
    });
    afterAll(() => table.close());

    it('gives the answers and the items of the transitions', async () => {
      await fc.assert(
        fc.asyncProperty(history, async (steps) => {
          const name = `model-${++collections}`;
          const model = new MemoryTable();
          for (const { call, after } of steps) {
            expect(await perform(table.locks, name, call)).toEqual(await perform(model, name, call));
            expect(await table.locks.readLock(name)).toEqual(after);
          }
        }),
        { numRuns: 60 },
      );
    });
  });
}

/** What the caller is told: the value, or who holds the lock and until when. */
async function perform(locks: LockTable, collection: string, call: Call): Promise<unknown> {
  switch (call.kind) {
    case 'acquire':
      return locks.acquireLock(collection, call).catch((error: unknown) => {
        if (!(error instanceof LockHeldError)) throw error;
        return { heldBy: error.owner, until: error.expiresAt };
      });
    case 'release':
      return (await locks.releaseLock(collection, call.holder)) ?? 'not held';
    case 'claim':
      return locks.takeClaim(collection, call);
    case 'renew':
      return locks.renewClaim(collection, call.holder, call.now, call.durationMs);
    case 'unclaim':
      return locks.releaseClaim(collection, call.holder, call.wake);
    case 'wake':
      return locks.wakeClaimant(collection, call.now);
  }
}
