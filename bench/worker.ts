/**
 * One scenario of one protocol in a process of its own, on what another one has laid out, so that its memory and CPU are
 * its own. Started by
 * `run-worker.ts` with the task as message; answers with the samples.
 */
import { rm } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import type { Fixture } from './fixture/build.ts';
import type { Counts, Held } from './network/meter.ts';
import { PRESETS, type Preset } from './network/model.ts';
import { runOtherContainer, runProducer } from './run-worker.ts';
import { Baseline } from './scenarios/baseline.ts';
import { type Contention, judge, write } from './scenarios/contention.ts';
import { type DeltaName, deltaOf, idOf } from './scenarios/deltas.ts';
import { Ours } from './scenarios/ours.ts';
import {
  type ActResult,
  type Prepare,
  prepareBaseline,
  prepareOurs,
  type Scenario,
  type Submit,
} from './scenarios/scenarios.ts';
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
/** One of several writers, on what `place` has laid out. It answers `ready`, and waits for `go`. */
export interface WriterTask extends CommonTask {
  kind: 'writer';
  options: Contention;
  writer: number;
}
/** After all writers have ended. */
export interface JudgeTask extends CommonTask {
  kind: 'judge';
  options: Contention;
  /** Of each writer. */
  rounds: number[];
}
export interface PlaceTask extends CommonTask {
  kind: 'place';
}
/** A producer: what its deltas take of memory is not the compactor's. */
interface SubmitTask extends CommonTask {
  kind: 'submit';
  delta: DeltaName;
}
/** Another container of ours, which compacts what waits. */
interface CompactTask extends CommonTask {
  kind: 'compact';
}
export type Task = ScenarioTask | PlaceTask | SubmitTask | CompactTask | WriterTask | JudgeTask;

/** One measured repetition. */
export interface Sample extends ActResult, ProcessUsage {
  counts: Counts;
  held: Held[];
}

/** A delta that no scenario uses. */
const WARM_UP: DeltaName = { kind: 'upserts-100', n: 900 };

function open({ protocol, folder, table, preset }: Task): Ours | Baseline {
  return new (protocol === 'ours' ? Ours : Baseline)(folder, table, PRESETS[preset]);
}

async function runScenario(task: ScenarioTask): Promise<Sample[]> {
  const { scenario, repetitions } = task;
  const side = open(task);
  try {
    const submit = (delta: DeltaName) => runProducer(task, delta);
    await warmUp(side, submit);
    const prepare: Prepare =
      side instanceof Ours
        ? prepareOurs(scenario, side, submit, () => runOtherContainer(task))
        : prepareBaseline(scenario, side, submit);
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
async function warmUp(side: Ours | Baseline, submit: Submit): Promise<void> {
  await submit(WARM_UP);
  if (side instanceof Ours) await side.compactAside();
  else await side.compactAside([{ deltaId: idOf(WARM_UP) }]);
}

async function run(task: Task): Promise<unknown> {
  if (task.kind === 'scenario') return runScenario(task);
  const side = open(task);
  try {
    switch (task.kind) {
      case 'place':
        await rm(task.folder, { recursive: true, force: true });
        return await side.place(task.fixture);
      case 'submit': {
        const { kind, n } = task.delta;
        return await side.submit(deltaOf(kind, n, task.fixture.records));
      }
      case 'compact':
        if (side instanceof Ours) await side.compactAside('work-other');
        return;
      case 'writer': {
        const go = new Promise<void>((resolve) => process.once('message', () => resolve()));
        process.send?.({ ready: true });
        return await write(side, task.fixture, task.options, task.writer, go);
      }
      case 'judge':
        return await judge(side, task.fixture, task.options, task.rounds);
    }
  } finally {
    side.close();
  }
}

// Whoever asked is gone: so are the servers, with this process.
process.once('disconnect', () => process.exit(1));
process.once('message', (task: Task) => {
  run(task).then(
    (result) =>
      process.send?.({ result: result ?? null }, () => {
        // Otherwise only a process that ends by itself would leave it to the next one.
        flushCompileCache();
        process.exit(0);
      }),
    (error: unknown) => {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      process.send?.({ error: { message, stack } }, () => process.exit(1));
    },
  );
});
