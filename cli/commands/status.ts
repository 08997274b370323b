import type { Command } from 'commander';
import { commitLimits, observeInbox } from '../../lambdas/inbox/observe-inbox.ts';
import { listAside } from '../../lambdas/producer/aside.ts';
import { isClaimLive, isLockFree } from '../../lambdas/protocol/lock.ts';
import { loadManifest } from '../../lambdas/versions/load-manifest.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { withCollection } from '../command.ts';
import { executionsOf, lastError } from '../executions-of.ts';
import { columns } from '../output.ts';
import { age, errorInWords, oldestOf } from '../waiting.ts';

/** Latest executions of the collection. */
const SHOWN = 5;

/** `compactor status`: a collection at a glance. */
export function status(program: Command): void {
  const command = program
    .command('status <collection>')
    .description(
      'current version, waiting deltas and the oldest of them, lock and claim, last error, latest executions',
    )
    .addHelpText('after', '\nExample:\n  compactor status pets');
  withCollection<[string]>(command, async ({ target, output }, collection) => {
    const { ports } = target;
    const { pointer } = await readPointer(ports, collection);
    const { manifest } = await loadManifest(ports, pointer.manifest);
    const inbox = await observeInbox(ports, collection, manifest, commitLimits(ports.settings));
    const setAside = await listAside(ports, collection);
    const item = await ports.locks.readLock(collection);
    const now = ports.clock.now();
    const executions = await executionsOf(target, collection, SHOWN);
    const report = {
      collection,
      version: pointer.version,
      records: pointer.records,
      committedAt: pointer.committedAt,
      retainedFrom: pointer.retainedFrom,
      dimension: manifest.dimension,
      space: manifest.space,
      pending: inbox.pendingCount,
      oldestPending: oldestOf(inbox, now),
      decidedNotSettled: inbox.decided.length + inbox.unreported.length,
      setAside: setAside.map(({ deltaId }) => deltaId),
      lock: isLockFree(item, '', now) ? null : { owner: item?.owner, phase: item?.phase },
      claim: isClaimLive(item, now) ? { owner: item?.claimOwner } : null,
      lastError: await lastError(target, collection, pointer.committedAt),
      executions: executions.map(({ name, status: outcome, startDate }) => ({ name, status: outcome, startDate })),
    };
    const rows = [
      ['collection', `${collection} (dimension ${report.dimension}, ${report.space})`],
      ['version', `${report.version}, committed ${report.committedAt}`],
      ['records', String(report.records)],
      ['pending deltas', String(report.pending)],
      ...(report.oldestPending === null
        ? []
        : [['oldest pending', `${report.oldestPending.deltaId}, ${age(report.oldestPending.ageSeconds)}`]]),
      ['to be settled', String(report.decidedNotSettled)],
      ...(report.setAside.length === 0
        ? []
        : [['set aside', `${report.setAside.length}: compactor aside ${collection}`]]),
      ['lock', report.lock === null ? 'free' : `${report.lock.phase} by ${report.lock.owner}`],
      ['claim', report.claim === null ? 'none' : `by ${report.claim.owner}`],
      ...(report.lastError === null ? [] : [['last error', errorInWords(report.lastError)]]),
      ...report.executions.map(({ name = '', status: outcome = '' }) => ['execution', `${outcome} ${name}`]),
    ];
    output.result(report, columns(rows));
  });
}
