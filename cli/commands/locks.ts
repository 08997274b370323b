import type { Command } from 'commander';
import { isClaimLive, isLockFree, type LockItem } from '../../lambdas/protocol/lock.ts';
import { withCollection } from '../command.ts';
import { listCollections } from '../explain/find.ts';
import { columns } from '../output.ts';
import { withProgress } from '../progress.ts';

export type HeldState = 'held' | 'expired';

export interface LockReport {
  collection: string;
  /** `null`: it is free. */
  lock: {
    state: HeldState;
    owner: string;
    token: number;
    phase: string | null;
    since: string | null;
    expires: string;
  } | null;
  claim: { state: HeldState; owner: string; token: number | null; expires: string } | null;
  /** Number of wake-ups ever sent by executions that delegated. */
  wake: number;
}

/** `compactor locks`: who holds what. */
export function locks(program: Command): void {
  const command = program
    .command('locks [collection]')
    .description('who holds lock and claim, in which phase, since when, until when; of one collection or of all')
    .addHelpText(
      'after',
      '\nThe lock is held for moments, the claim for as long as a compaction takes. Expired ones hinder nobody: the next\n' +
        'execution takes them. To free what a dead execution left: compactor release.\n\n' +
        'Example:\n  compactor locks\n  compactor locks pets --json',
    );
  withCollection<[string | undefined]>(command, async ({ target, output }, collection) => {
    const reports = await withProgress(output, 'Reading locks', async () => {
      const names = collection === undefined ? await listCollections(target) : [collection];
      const now = target.ports.clock.now();
      return Promise.all(names.map(async (name) => describeLock(name, await target.ports.locks.readLock(name), now)));
    });
    output.result(reports, reports.length === 0 ? 'There are no collections.' : columns(toRows(reports)));
  });
}

function describeLock(collection: string, item: LockItem | undefined, now: number): LockReport {
  const { owner, token = 0, phase = null, acquiredAt, expiresAt = 0 } = item ?? { token: 0 };
  const { claimOwner, claimToken = null, claimExpiresAt = 0, wake = 0 } = item ?? {};
  const lockState = isLockFree(item, '', now) ? 'expired' : 'held';
  const claimState = isClaimLive(item, now) ? 'held' : 'expired';
  const since = acquiredAt === undefined ? null : iso(acquiredAt);
  return {
    collection,
    lock: owner === undefined ? null : { state: lockState, owner, token, phase, since, expires: iso(expiresAt) },
    claim:
      claimOwner === undefined
        ? null
        : { state: claimState, owner: claimOwner, token: claimToken, expires: iso(claimExpiresAt) },
    wake,
  };
}

function toRows(reports: readonly LockReport[]): string[][] {
  const rows = reports.flatMap(({ collection, lock, claim }) => [
    lock === null
      ? [collection, 'lock', 'free']
      : [collection, 'lock', lock.state, lock.phase ?? '-', lock.since ?? '-', lock.expires, nameOf(lock.owner)],
    claim === null
      ? [collection, 'claim', 'free']
      : [collection, 'claim', claim.state, '-', '-', claim.expires, nameOf(claim.owner)],
  ]);
  return [['collection', 'what', 'state', 'phase', 'since', 'expires', 'execution'], ...rows];
}

function nameOf(execution: string): string {
  return execution.split(':').at(-1) ?? execution;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
