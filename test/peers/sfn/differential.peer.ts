/**
 * The compaction machine with arbitrary answers of its functions: no situation that somebody thought of. PEERS_SEEDS sets
 * how many executions are compared, PEERS_FIRST_SEED where to begin; a failure names its seed.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readDefinition } from '../../../local/machines.ts';
import { describeWith, pythonRuntime } from '../runtimes.ts';
import { differences, type Run } from './compare.ts';
import type { Definition } from './definitions.ts';
import type { Script } from './functions.ts';
import { inputOf, scriptOf } from './script.ts';
import { compact } from './situation.ts';
import { openStages, SIDES, type Side, type Stage, type Stages } from './stages.ts';

const FIRST = Number(process.env.PEERS_FIRST_SEED ?? 1);
const SEEDS = Number(process.env.PEERS_SEEDS ?? 60);
const STATES = Object.keys((JSON.parse(readDefinition('compaction')) as Definition).States);

describeWith('arbitrary answers on moto as here', await pythonRuntime(), (bin) => {
  const scripts = {} as Record<Side, Script>;
  let stages: Stages;
  let open: Stage[];

  beforeAll(async () => {
    stages = await openStages(bin);
    const stageOf = (side: Side) =>
      stages.open(side, { name: 'arbitrary', behaviour: { script: (fn, payload) => scripts[side](fn, payload) } });
    open = await Promise.all(SIDES.map(stageOf));
  });

  afterAll(() => stages?.close());

  function play(seed: number, stage: Stage): Promise<Run> {
    scripts[stage.side] = scriptOf(seed);
    return compact(stage, inputOf(seed));
  }

  it(`gives the same for ${SEEDS} seeds from ${FIRST}`, { timeout: 60_000 + SEEDS * 5_000 }, async () => {
    const visited = new Set<string>();
    const ends: Record<string, number> = {};

    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      const [here, moto] = (await Promise.all(open.map((stage) => play(seed, stage)))) as [Run, Run];
      expect({ seed, found: differences(here, moto) }).toEqual({ seed, found: [] });
      for (const state of here.path) visited.add(state);
      const end = `${here.path.at(-1)} ${here.error ?? ''}`.trim();
      ends[end] = (ends[end] ?? 0) + 1;
    }

    console.log(`${SEEDS} executions; ${visited.size} of ${STATES.length} states; ends: ${JSON.stringify(ends)}`);
    // Otherwise the script leads nowhere.
    expect(visited.size).toBeGreaterThan(STATES.length / 2);
  });
});
