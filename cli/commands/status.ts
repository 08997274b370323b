import { ListExecutionsCommand } from '@aws-sdk/client-sfn';
import type { Command } from 'commander';
import { commitLimits, observeInbox } from '../../lambdas/inbox/observe-inbox.ts';
import { listAside } from '../../lambdas/producer/aside.ts';
import { isClaimLive, isLockFree } from '../../lambdas/protocol/lock.ts';
import { loadManifest } from '../../lambdas/versions/load-manifest.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { withCollection } from '../command.ts';
import { columns } from '../output.ts';

/** `compactor status`: a collection at a glance. */
export function status(program: Command): void {
  const command = program
    .command('status <collection>')
    .description('current version, waiting deltas, lock and claim, latest executions')
    .addHelpText('after', '\nExample:\n  compactor status pets');
  withCollection<[string]>(command, async ({ target, output }, collection) => {
    const { ports, sfn, stateMachineArn } = target;
    const { pointer } = await readPointer(ports, collection);
    const { manifest } = await loadManifest(ports, pointer.manifest);
    const inbox = await observeInbox(ports, collection, manifest, commitLimits(ports.settings));
    const setAside = await listAside(ports, collection);
    const item = await ports.locks.readLock(collection);
    const now = ports.clock.now();
    const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn, maxResults: 5 }));
    const report = {
      collection,
      version: pointer.version,
      records: pointer.records,
      committedAt: pointer.committedAt,
      retainedFrom: pointer.retainedFrom,
      dimension: manifest.dimension,
      space: manifest.space,
      pending: inbox.pendingCount,
      decidedNotSettled: inbox.decided.length + inbox.unreported.length,
      setAside: setAside.map(({ deltaId }) => deltaId),
      lock: isLockFree(item, '', now) ? null : { owner: item?.owner, phase: item?.phase },
      claim: isClaimLive(item, now) ? { owner: item?.claimOwner } : null,
      executions: executions.map(({ name, status: outcome, startDate }) => ({ name, status: outcome, startDate })),
    };
    const rows = [
      ['collection', `${collection} (dimension ${report.dimension}, ${report.space})`],
      ['version', `${report.version}, committed ${report.committedAt}`],
      ['records', String(report.records)],
      ['pending deltas', String(report.pending)],
      ['to be settled', String(report.decidedNotSettled)],
      ...(report.setAside.length === 0
        ? []
        : [['set aside', `${report.setAside.length}: compactor aside ${collection}`]]),
      ['lock', report.lock === null ? 'free' : `${report.lock.phase} by ${report.lock.owner}`],
      ['claim', report.claim === null ? 'none' : `by ${report.claim.owner}`],
      ...report.executions.map(({ name = '', status: outcome = '' }) => ['execution', `${outcome} ${name}`]),
    ];
    output.result(report, columns(rows));
  });
}
