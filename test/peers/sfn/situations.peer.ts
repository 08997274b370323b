/** The two ASL files with the real handlers on moto's interpreter and on the project's own: the same, or explained. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCollection } from '../../../lambdas/upkeep/create-collection.ts';
import { describeWith, pythonRuntime } from '../runtimes.ts';
import { differences, type Run } from './compare.ts';
import { compact, expectedOf, type Situation, submit } from './situation.ts';
import { COMMITS } from './situations/commits.ts';
import { CONFLICTS } from './situations/conflicts.ts';
import { FAILURES } from './situations/failures.ts';
import { INPUTS } from './situations/inputs.ts';
import { RELEASES } from './situations/release.ts';
import { TIMEOUTS } from './situations/timeouts.ts';
import { openStages, SIDES, type Side, type Stages } from './stages.ts';

const SITUATIONS = { COMMITS, CONFLICTS, FAILURES, INPUTS, TIMEOUTS, RELEASES };

describeWith('on moto as here', await pythonRuntime(), (bin) => {
  let stages: Stages;
  let number = 0;

  beforeAll(async () => {
    stages = await openStages(bin);
  });

  afterAll(() => stages?.close());

  async function play(situation: Situation, side: Side, name: string): Promise<Run> {
    const { hooks = {}, edit, deltas = 2 } = situation;
    const stage = await stages.open(side, { name, behaviour: { hooks }, ...(edit === undefined ? {} : { edit }) });
    await createCollection(stage.ports, { collection: name, dimension: 4, space: 'l2', creator: 'test' });
    for (let n = 1; n <= deltas; n++) await submit(stage.ports, name, n);
    return (situation.play ?? compact)(stage);
  }

  for (const [group, situations] of Object.entries(SITUATIONS)) {
    describe(group.toLowerCase(), () => {
      it.each(named(situations))('%s', async (_name, situation) => {
        const name = `situation-${++number}`;

        const [here, moto] = (await Promise.all(SIDES.map((side) => play(situation, side, name)))) as [Run, Run];

        for (const [side, run] of [
          ['here', here],
          ['moto', moto],
        ] as const) {
          const end = run.status === 'FAILED' ? run.error : run.status;
          expect({ side, path: run.path.join(' > '), ends: end }).toEqual({ side, ...expectedOf(situation, side) });
          for (const [state, attempts] of Object.entries(situation.attempts ?? {})) {
            expect({ side, [state]: attemptsAt(run, state) }).toEqual({ side, [state]: attempts });
          }
        }
        const found = differences(here, moto);
        if (situation.differs === undefined) expect(found).toEqual([]);
        else expect(new Set(found.map(({ what }) => what))).toEqual(new Set(situation.differs.in));
      });
    });
  }
});

/** Of each visit. */
function attemptsAt({ attempts }: Run, state: string): number[] {
  return attempts.filter((task) => task.state === state).map(({ times }) => times);
}

/** Vitest would cut a long `$name`. */
function named(situations: readonly Situation[]): [string, Situation][] {
  return situations.map((situation) => [situation.name, situation]);
}
