import type { Command } from 'commander';
import { releaseHeld } from '../../lambdas/compaction/release-held.ts';
import { isAnythingWaiting } from '../../lambdas/inbox/find-work.ts';
import type { ExecutionStatus } from '../../lambdas/ports.ts';
import { timeSlotName } from '../../lambdas/protocol/names.ts';
import { withCollection } from '../command.ts';
import { CommandFailure, EXIT } from '../output.ts';
import type { Target } from '../target.ts';

interface Holder {
  execution: string;
  /** `gone`: Step Functions does not know it. */
  status: ExecutionStatus | 'gone';
}

/** `compactor release`: frees lock and claim, as docs/runbook.md has it. */
export function release(program: Command): void {
  const command = program
    .command('release <collection>')
    .description(
      'free lock and claim of an execution that is over, and start one if anything waits (exit 3 if it runs)',
    )
    .option('--force', 'free them even if the execution still runs')
    .addHelpText(
      'after',
      `
Usually there is nothing to do: an execution that fails, is stopped or times out is released by the machine
release-abandoned, and whatever is left expires after LOCK_DURATION_MINUTES. Stop an execution before you release it.
Releasing one that runs loses no data, since the swap alone decides; but its work, or that of the next execution, is
done in vain, and it may still commit. What is released is named by owner and token: nobody else can be hit.

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
          `${warnings.join('\n')}\nNothing was released. With --force it is released all the same: no data is lost, work may be done in vain.`,
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
        ...(started === null ? [] : [`Deltas wait: started execution ${started}.`]),
      ];
      output.result({ collection, releasedLock, releasedClaim, holders, waiting, started, warnings }, text.join('\n'));
    },
    { changes: true },
  );
}

async function look({ ports }: Target, execution: string): Promise<Holder> {
  return { execution, status: (await ports.executions.status(execution)) ?? 'gone' };
}
