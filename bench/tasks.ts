/** A plan as tasks. One that fails is recorded, and the others go on. */
import type { ListrTask } from 'listr2';
import type { ContentionResult, ScenarioResult } from './document.ts';
import type { Plan, Size } from './plan.ts';
import type { BenchRun } from './run.ts';
import type { Contention } from './scenarios/contention.ts';

export interface TaskOptions {
  /** Scenarios whose name contains it. */
  only?: string;
  signal: AbortSignal;
  /** What becomes of a failure. The tasks go on. */
  fail: (name: string, error: Error) => void;
  /** Called after each task that measured something, or failed. */
  keep: () => Promise<void>;
}

type Bench = Pick<BenchRun, 'build' | 'isBuilt' | 'measure' | 'contend'>;

/** The snapshots that are needed first, then what is measured on them, and the writers at last. */
export function tasksOf(plan: Plan, bench: Bench, options: TaskOptions): ListrTask[] {
  const { only = '', signal } = options;
  const wanted = (name: string) => name.includes(only);
  const chosen = plan.sizes.map((size) => ({
    size,
    scenarios: size.scenarios.filter((scenario) => wanted(`${scenario}-${size.name}`)),
  }));
  const loads = plan.contention.filter((load) => wanted(nameOf(load)));
  const needed = chosen.filter(({ scenarios }, i) => scenarios.length > 0 || (i === 0 && loads.length > 0));
  const unless = (size: Size | undefined) => () => {
    if (signal.aborted) return 'Interrupted';
    return size !== undefined && bench.isBuilt(size) ? false : 'There is no snapshot to measure on';
  };
  return [
    ...needed.map(
      ({ size }): ListrTask => ({
        title: `Build the snapshot of ${size.records.toLocaleString('en')} records (kept in .work/bench)`,
        skip: () => signal.aborted && 'Interrupted',
        task: recorded(`snapshot-${size.name}`, options, async (report) => {
          await bench.build(size, report);
          return undefined;
        }),
      }),
    ),
    ...chosen.flatMap(({ size, scenarios }) =>
      scenarios.map(
        (scenario): ListrTask => ({
          title: `${scenario}, ${size.name}`,
          skip: unless(size),
          task: recorded(`${scenario}-${size.name}`, options, async () => lineOf(await bench.measure(size, scenario))),
        }),
      ),
    ),
    ...loads.map(
      (load): ListrTask => ({
        title: `${load.writers} writers on one collection`,
        skip: unless(plan.sizes[0]),
        task: recorded(nameOf(load), options, async () => contentionLineOf(await bench.contend(plan, load))),
      }),
    ),
  ];
}

function nameOf({ writers }: Contention): string {
  return `contention-${writers}`;
}

function recorded(
  name: string,
  { fail, keep }: TaskOptions,
  work: (report: (text: string) => void) => Promise<string | undefined>,
): ListrTask['task'] {
  return async (_context, task) => {
    try {
      const line = await work((text) => {
        task.output = text;
      });
      if (line !== undefined) task.title = `${task.title}: ${line}`;
    } catch (error) {
      fail(name, error instanceof Error ? error : new Error(String(error)));
      throw error;
    } finally {
      await keep();
    }
  };
}

function lineOf({ ours, baseline }: ScenarioResult): string {
  const ms = (value: number) => `${Math.round(value).toLocaleString('en')} ms`;
  return (
    `${ms(ours.wallMs)} beside the baseline's ${ms(baseline.wallMs)}, ` +
    `lock held ${ms(ours.lockHeldMsP50)} beside ${ms(baseline.lockHeldMsP50)}`
  );
}

function contentionLineOf({ ours, baseline }: ContentionResult): string {
  return (
    `${ours.deltasPerSecond} deltas/s beside the baseline's ${baseline.deltasPerSecond}, ` +
    `lost ${ours.lost} of ${ours.submitted} beside ${baseline.lost} of ${baseline.submitted}`
  );
}
