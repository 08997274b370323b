/** Release of what a dead execution held. */
import { setTimeout as delay } from 'node:timers/promises';
import { readPointer } from '../../../../lambdas/versions/read-pointer.ts';
import { attemptsOf } from '../definitions.ts';
import { compact, ERRORS, fails, named, OTHER, release, type Situation } from '../situation.ts';
import type { Stage } from '../stages.ts';

const DONE = 'ReleaseAbandoned > Waiting? > Done';

async function untilCommitted({ ports, collection }: Stage): Promise<void> {
  while ((await readPointer(ports, collection)).pointer.version === 0) await delay(100);
}

export const RELEASES: Situation[] = [
  {
    name: 'release: nothing is held, nothing waits',
    deltas: 0,
    play: (stage) => release(stage, JSON.stringify({ execution: OTHER, collection: stage.collection })),
    path: DONE,
    ends: 'SUCCEEDED',
  },
  {
    name: 'release: a dead holder, and deltas that wait: a successor commits them',
    hooks: { MergeDeltas: fails(named('Error'), 1), HandleFailure: fails(named('Error')) },
    play: async (stage) => {
      const dead = await compact(stage);
      const held = await stage.ports.locks.readLock(stage.collection);
      if (held?.claimOwner !== dead.arn) throw new Error(`The claim should be held by ${dead.arn}.`);
      const input = JSON.stringify({ collection: stage.collection });
      const ended = await release(stage, JSON.stringify({ executionArn: dead.arn, input, status: 'FAILED' }));
      await untilCommitted(stage);
      return ended;
    },
    path: 'ReleaseAbandoned > Waiting? > StartSuccessor > Done',
    ends: 'SUCCEEDED',
  },
  {
    name: 'release: the name of this minute was used already',
    hooks: {
      ReleaseAbandoned: async ({ n, ports, collection, compaction, real }) => {
        const output = (await real()) as { successorName: string };
        if (n > 1) return output;
        await ports.executions.start(output.successorName, { collection });
        const execution = `${compaction.replace(':stateMachine:', ':execution:')}:${output.successorName}`;
        while ((await ports.executions.status(execution)) === 'RUNNING') await delay(100);
        return output;
      },
    },
    play: (stage) => release(stage, JSON.stringify({ execution: OTHER, collection: stage.collection })),
    path: `ReleaseAbandoned > Waiting? > StartSuccessor > AwaitNextSlot > ${DONE}`,
    ends: 'SUCCEEDED',
  },
  {
    name: 'release: the table is down for good',
    hooks: { ReleaseAbandoned: fails(named('TableUnavailableError')) },
    play: (stage) => release(stage, JSON.stringify({ execution: OTHER, collection: stage.collection })),
    path: 'ReleaseAbandoned > NotReleased',
    ends: 'TableUnavailableError',
    attempts: { ReleaseAbandoned: [attemptsOf('PlanCompaction', 'TableUnavailableError')] },
  },
  {
    name: 'release: an input that is no JSON text',
    play: (stage) => release(stage, '{"executionArn":"x","input":"no json"}'),
    path: DONE,
    ends: 'SUCCEEDED',
  },
  {
    name: 'release: no object at all',
    play: (stage) => release(stage, '"x"'),
    path: 'ReleaseAbandoned',
    ends: 'States.ResultPathMatchFailure',
    differs: {
      in: ['error', 'cause'],
      why: 'There is an error name for a ResultPath that does not fit the input. moto has a Python error of its own.',
      source: ERRORS,
      moto: { path: 'ReleaseAbandoned', ends: 'States.Runtime' },
    },
  },
];
