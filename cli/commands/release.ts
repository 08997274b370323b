import type { Command } from 'commander';
import { releaseHeld } from '../../lambdas/compaction/release-held.ts';
import { isAnythingWaiting } from '../../lambdas/inbox/find-work.ts';
import type { ExecutionStatus } from '../../lambdas/ports.ts';
import { timeSlotName } from '../../lambdas/protocol/execution-name.ts';
import { withCollection } from '../command.ts';
import { CommandFailure, EXIT } from '../output.ts';
import type { Target } from '../target.ts';

interface Holder {
  execution: string;
  /** `gone`: Step Functions does not know it. */
  status: ExecutionStatus | 'gone';
}

/** `compactor release`: releases lock and claim; docs/runbook.md says when. */
export function release(program: Command): void {
  const command = program
    .command('release <collection>')
    .description(
      'release the lock and the claim of an execution that has ended, and start another if deltas are waiting (exit 3 if ' +
        'it is still running)',
    )
    .option('--force', 'release them even if the execution is still running')
    .addHelpText(
      'after',
      `
You rarely need this: when an execution fails, times out or is stopped, the state machine release-abandoned releases
what it held, and anything left over expires after LOCK_DURATION_MINUTES. Stop an execution before you release its lock.
Releasing the lock of a running execution loses no data, because only the swap decides; but that execution or the next
one may do its work in vain, and the running one may still commit. A lock is released by its owner and token, so that
nobody else's is touched.

Example:
  compactor locks pets
  compactor release pets
  compactor release pets --force`,
    );
  withCollection<[string, { force?: boolean }]>(
    command,
    async ({ target, output }, collection, { force = false }) => {
      const { ports } = target;
      // The tokens first: an execution that is redriven meanwhile acquires new ones, and these are stale.
      const item = await ports.locks.readLock(collection);
      const owners = [...new Set([item?.owner, item?.claimOwner])].filter((owner) => owner !== undefined);
      const holders = await Promise.all(owners.map((owner) => look(target, owner)));
      const running = holders.filter(({ status }) => status === 'RUNNING' || status === 'PENDING_REDRIVE');
      const warnings = running.map(
        ({ execution, status }) =>
          `${execution} is ${status}. Stop it first: aws stepfunctions stop-execution --execution-arn ${execution}`,
      );
      if (running.length > 0 && !force) {
        throw new CommandFailure(
          `${warnings.join('\n')}\n` +
            'Nothing was released. --force releases it anyway: no data is lost, but work may be wasted.',
          EXIT.refused,
        );
      }
      let releasedLock = false;
      let releasedClaim = false;
      for (const { execution } of holders) {
        const released = await releaseHeld(ports, collection, execution, item);
        releasedLock ||= released.releasedLock;
        releasedClaim ||= released.releasedClaim;
      }
      // Only now: earlier delegations to the holder are seen here, later executions find no claim.
      const waiting = (releasedLock || releasedClaim) && (await isAnythingWaiting(ports, collection));
      const started = waiting ? timeSlotName(collection, ports.clock.now()) : null;
      if (started !== null) await ports.executions.start(started, { collection });
      const what = [...(releasedLock ? ['lock'] : []), ...(releasedClaim ? ['claim'] : [])].join(' and ');
      const text = [
        ...warnings.map((warning) => `Warning: ${warning}`),
        what === '' ? `Nothing is held on "${collection}".` : `Released ${what} of "${collection}".`,
        ...(started === null ? [] : [`Deltas are waiting: started execution ${started}.`]),
      ];
      output.result({ collection, releasedLock, releasedClaim, holders, waiting, started, warnings }, text.join('\n'));
    },
    { changes: true },
  );
}

async function look({ ports }: Target, execution: string): Promise<Holder> {
  return { execution, status: (await ports.executions.status(execution)) ?? 'gone' };
}
