/** Laws of looking no further than needed: it changes what is asked for, never what is chosen, kept or settled. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVERYTHING, InboxObservation, OLDEST } from '../../lambdas/inbox/observe-inbox.ts';
import { nextLedger } from '../../lambdas/protocol/ledger.ts';
import { type BatchLimits, fillsBatch, type InboxEntry, plan, selectBatch } from '../../lambdas/protocol/plan.ts';
import type { DeltaStatus, LedgerEntry } from '../../lambdas/snapshot/ledger.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { MemoryTelemetry } from '../support/memory-surroundings.ts';
import { MemoryTable } from '../support/memory-table.ts';

const STATUS: DeltaStatus = { outcome: 'applied', version: 1, sha256: 'a'.repeat(64), rejectedOperations: 0 };

/** A delta that is in the inbox, the ledger and the table, or not. Runs of decided ones are common. */
const fate = fc.record({
  inInbox: fc.boolean(),
  inLedger: fc.boolean(),
  hasStatus: fc.boolean(),
  size: fc.nat(40),
  lastModified: fc.nat(4),
});
const world = fc.array(fate, { maxLength: 60, size: 'max' });
const limits: fc.Arbitrary<BatchLimits> = fc.record({
  maxDeltas: fc.integer({ min: 1, max: 12 }),
  maxBytes: fc.nat(200),
});

class CountingTable extends MemoryTable {
  readonly asked: string[] = [];

  override async getStatuses(collection: string, deltaIds: readonly string[]): Promise<Map<string, DeltaStatus>> {
    this.asked.push(...deltaIds);
    return super.getStatuses(collection, deltaIds);
  }
}

async function observe(fates: ReadonlyArray<typeof fate extends fc.Arbitrary<infer Fate> ? Fate : never>) {
  const table = new CountingTable();
  const inbox: InboxEntry[] = [];
  const ledger: LedgerEntry[] = [];
  const statuses = new Map<string, DeltaStatus>();
  for (const [n, { inInbox, inLedger, hasStatus, size, lastModified }] of fates.entries()) {
    const deltaId = `d${n}`;
    if (inInbox) inbox.push({ deltaId, key: `deltas/docs/${deltaId}`, etag: `"${n}"`, size, lastModified });
    if (inLedger) ledger.push({ deltaId, ...STATUS });
    if (!hasStatus) continue;
    statuses.set(deltaId, STATUS);
    await table.putStatus('docs', deltaId, STATUS);
  }
  const ports = { store: new MemoryStore(), statuses: table, telemetry: new MemoryTelemetry() };
  return {
    observation: new InboxObservation(ports, 'docs', { ledger }, inbox),
    whole: plan(ledger, inbox, statuses),
    ...{ table, inbox, ledger, statuses },
  };
}

describe('an inbox that is looked at no further than needed', () => {
  it('gives the batch that the plan of the whole inbox gives', async () => {
    await fc.assert(
      fc.asyncProperty(world, limits, async (fates, limits) => {
        const { observation, whole } = await observe(fates);
        expect(await observation.batchAfter(0, limits)).toEqual(selectBatch(whole.pending, limits));
        expect(observation.pending).toEqual(whole.pending.slice(0, observation.pending.length));
      }),
    );
  });

  it('gives batch after batch what is pending, each delta once, in order, to the last', async () => {
    await fc.assert(
      fc.asyncProperty(world, limits, async (fates, limits) => {
        const { observation, whole } = await observe(fates);
        const given: InboxEntry[] = [];
        for (;;) {
          const batch = await observation.batchAfter(given.length, limits);
          if (batch.length === 0) break;
          given.push(...batch);
        }
        expect(given).toEqual(whole.pending);
      }),
    );
  });

  it('knows all leftovers of the ledger, and trims it as if it had read everything', async () => {
    await fc.assert(
      fc.asyncProperty(world, limits, async (fates, limits) => {
        const { observation, whole, inbox, ledger, statuses } = await observe(fates);
        await observation.lookUntil(limits);
        expect(observation.unreported).toEqual(whole.unreported);
        const ids = new Set(inbox.map((entry) => entry.deltaId));
        expect(nextLedger(ledger, ids, observation.statuses, [])).toEqual(nextLedger(ledger, ids, statuses, []));
        const inLedger = new Set(ledger.map((entry) => entry.deltaId));
        const decided = new Set(observation.decided);
        for (const entry of whole.decided) if (inLedger.has(entry.deltaId)) expect(decided.has(entry)).toBe(true);
        for (const entry of decided) expect(whole.decided).toContain(entry);
      }),
    );
  });

  it('knows every decided object that is older than the oldest pending one, and all when nothing is pending', async () => {
    await fc.assert(
      fc.asyncProperty(world, async (fates) => {
        const { observation, whole } = await observe(fates);
        await observation.lookUntil(OLDEST);
        expect(observation.oldest).toEqual(whole.pending[0]);
        const isBefore = ({ lastModified }: InboxEntry) => lastModified < (whole.pending[0]?.lastModified ?? Infinity);
        expect(observation.decided).toEqual(expect.arrayContaining(whole.decided.filter(isBefore)));
      }),
    );
  });

  it('counts as pending at least what is, nothing that the ledger decided, and zero only for none', async () => {
    await fc.assert(
      fc.asyncProperty(world, limits, async (fates, limits) => {
        const { observation, whole, inbox, ledger } = await observe(fates);
        await observation.lookUntil(limits);
        const { pendingCount } = observation;
        const inLedger = new Set(ledger.map((entry) => entry.deltaId));
        expect(pendingCount).toBeGreaterThanOrEqual(whole.pending.length);
        expect(pendingCount).toBeLessThanOrEqual(inbox.filter(({ deltaId }) => !inLedger.has(deltaId)).length);
        expect(pendingCount > 0).toBe(whole.pending.length > 0);
        await observation.lookUntil(EVERYTHING);
        expect(observation.pendingCount).toBe(whole.pending.length);
      }),
    );
  });

  it('asks for no status twice, and for those of a batch, of the ledger and at most twice the late duplicates met', async () => {
    await fc.assert(
      fc.asyncProperty(world, limits, async (fates, limits) => {
        const { observation, table, ledger } = await observe(fates);
        await observation.lookUntil(limits);
        expect(new Set(table.asked).size).toBe(table.asked.length);
        const inLedger = new Set(ledger.map((entry) => entry.deltaId));
        const late = observation.decided.filter(({ deltaId }) => !inLedger.has(deltaId)).length;
        expect(table.asked.length).toBeLessThanOrEqual(ledger.length + limits.maxDeltas + 2 * late);
      }),
    );
  });

  it('stops only when a batch is full or nothing is left', async () => {
    await fc.assert(
      fc.asyncProperty(world, limits, async (fates, limits) => {
        const { observation, whole } = await observe(fates);
        await observation.lookUntil(limits);
        const isWhole = observation.pending.length === whole.pending.length;
        expect(isWhole || fillsBatch(observation.pending, limits)).toBe(true);
      }),
    );
  });
});
