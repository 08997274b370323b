/**
 * One scenario of one protocol in a process of its own, so that its memory and CPU are its own. Started by
 * `run-worker.ts` with the task as message; answers with the samples.
 */
import { rm } from 'node:fs/promises';
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import type { Fixture } from './fixture/build.ts';
import type { Counts, Held } from './network/meter.ts';
import { PRESETS, type Preset } from './network/model.ts';
import { Baseline } from './scenarios/baseline.ts';
import { type Contention, contendBaseline, contendOurs } from './scenarios/contention.ts';
import { deltaOf } from './scenarios/deltas.ts';
import { Ours } from './scenarios/ours.ts';
import { type ActResult, type Prepare, prepareBaseline, prepareOurs, type Scenario } from './scenarios/scenarios.ts';
import { measureProcess, type ProcessUsage } from './usage.ts';

export type Protocol = 'ours' | 'baseline';

interface CommonTask {
  protocol: Protocol;
  fixture: Fixture;
  preset: Preset;
  table: DynamoDBClientConfig;
  /** Folder for this run; removed at its end. */
  folder: string;
}
export interface ScenarioTask extends CommonTask {
  kind: 'scenario';
  scenario: Scenario;
  repetitions: number;
}
export interface ContentionTask extends CommonTask {
  kind: 'contention';
  options: Contention;
}
export type Task = ScenarioTask | ContentionTask;

/** One measured repetition. */
export interface Sample extends ActResult, ProcessUsage {
  counts: Counts;
  held: Held[];
}

/** A delta that no scenario uses. */
const WARM_UP = 900;

async function place(task: Task): Promise<Ours | Baseline> {
  const { fixture, folder, table, preset } = task;
  await rm(folder, { recursive: true, force: true });
  const make = task.protocol === 'ours' ? Ours : Baseline;
  return make.place(fixture, folder, table, PRESETS[preset]);
}

async function runScenario(task: ScenarioTask): Promise<Sample[]> {
  const { scenario, fixture, repetitions } = task;
  const side = await place(task);
  try {
    await warmUp(side, fixture);
    const prepare: Prepare =
      side instanceof Ours ? prepareOurs(scenario, side, fixture) : prepareBaseline(scenario, side, fixture);
    const samples: Sample[] = [];
    for (let n = 0; n < repetitions; n++) {
      const act = await prepare(n);
      side.meter.reset();
      const finish = measureProcess();
      const result = await act();
      samples.push({ ...finish(), ...result, counts: { ...side.meter.counts }, held: [...side.meter.held] });
    }
    return samples;
  } finally {
    side.close();
  }
}

/** A container that has served before: one cycle, not counted and without the network. */
async function warmUp(side: Ours | Baseline, { records }: Fixture): Promise<void> {
  const delta = deltaOf('upserts-100', WARM_UP, records);
  await side.submit(delta);
  if (side instanceof Ours) await side.compactAside();
  else await side.compactAside([delta]);
}

async function run(task: Task): Promise<unknown> {
  try {
    if (task.kind === 'scenario') return await runScenario(task);
    const side = await place(task);
    try {
      return await (side instanceof Ours
        ? contendOurs(side, task.fixture, task.options)
        : contendBaseline(side, task.fixture, task.options));
    } finally {
      side.close();
    }
  } finally {
    await rm(task.folder, { recursive: true, force: true });
  }
}

process.once('message', (task: Task) => {
  run(task).then(
    (result) => process.send?.({ result }, () => process.exit(0)),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.stack : String(error) }, () => process.exit(1)),
  );
});
