/** Measures what a plan asks for, one worker after the other, so that nothing competes with what is measured. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalTable } from '../local/table.ts';
import { startTable } from '../local/table.ts';
import type { Contender, ContentionResult, ScenarioResult } from './document.ts';
import { type Fixture, fixture } from './fixture/build.ts';
import type { Preset } from './network/model.ts';
import type { Plan, Size } from './plan.ts';
import { runContention, runScenarioWorker } from './run-worker.ts';
import type { Contention } from './scenarios/contention.ts';
import type { Scenario } from './scenarios/scenarios.ts';
import { summarise, summariseContention } from './summarise.ts';
import type { Protocol } from './worker.ts';

export type Report = (text: string) => void;

export class BenchRun {
  readonly scenarios: ScenarioResult[] = [];
  readonly contention: ContentionResult[] = [];
  readonly #folder: string;
  readonly #preset: Preset;
  readonly #signal: AbortSignal;
  readonly #fixtures = new Map<number, Fixture>();

  /**
   * @param folder for fixtures, which stay, and runs, which do not
   * @param signal ends the worker that runs, and its Chroma servers
   */
  constructor(folder: string, preset: Preset, signal: AbortSignal) {
    this.#folder = folder;
    this.#preset = preset;
    this.#signal = signal;
  }

  isBuilt({ records }: Pick<Size, 'records'>): boolean {
    return this.#fixtures.has(records);
  }

  async build({ records }: Size, report: Report): Promise<void> {
    const table = await startTable();
    try {
      this.#fixtures.set(records, await fixture(this.#folder, records, table.clientConfig, report));
    } finally {
      await table.close();
    }
  }

  async measure(size: Size, scenario: Scenario): Promise<ScenarioResult> {
    const samples = async (protocol: Protocol) => {
      const work = { kind: 'scenario', scenario, repetitions: size.repetitions[protocol] } as const;
      return this.#withTable(size.records, protocol, (common) =>
        runScenarioWorker({ ...common, ...work }, this.#signal),
      );
    };
    const [ours, baseline] = [await samples('ours'), await samples('baseline')];
    const changed = ours.map(({ changedBytes }) => changedBytes).sort((a, b) => a - b);
    const result = {
      name: `${scenario}-${size.name}`,
      snapshotBytes: ours.at(-1)?.snapshotBytes || this.#fixture(size.records).snapshotBytes,
      changedBlockBytes: changed[Math.floor((changed.length - 1) / 2)] ?? 0,
      repetitions: { ours: ours.length, baseline: baseline.length },
      ours: summarise(ours),
      baseline: summarise(baseline),
    };
    this.scenarios.push(result);
    // The container of the first scenario is warm: the same runs under the name that belongs to the other two.
    if (scenario === 'upserts-100') this.scenarios.push({ ...result, name: `container-warm-${size.name}` });
    return result;
  }

  async contend(plan: Plan, options: Contention): Promise<ContentionResult> {
    const records = plan.sizes[0]?.records ?? 0;
    const outcome = async (protocol: Protocol, skipped: Contention['skipped']): Promise<Contender> => {
      return summariseContention(
        await this.#withTable(records, protocol, (common) =>
          runContention(common, { ...options, skipped }, this.#signal),
        ),
      );
    };
    const { writers, durationMs, deltasPerBatch, upsertsPerDelta, pauseMs } = options;
    const ours = await outcome('ours', 'done');
    const baseline = await outcome('baseline', 'done');
    const result = {
      writers,
      load: { durationMs, deltasPerBatch, upsertsPerDelta, pauseMs },
      ours,
      baseline,
      ...(plan.redeliveredAt.includes(writers)
        ? { baselineRedelivered: await outcome('baseline', 'redelivered') }
        : {}),
    };
    this.contention.push(result);
    return result;
  }

  #fixture(records: number): Fixture {
    const found = this.#fixtures.get(records);
    if (found === undefined) throw new Error(`The snapshot of ${records} records has not been built.`);
    return found;
  }

  /** Every worker gets a table of its own, in this process: it is a service, not part of the compactor. */
  async #withTable<Result>(
    records: number,
    protocol: Protocol,
    work: (common: {
      protocol: Protocol;
      fixture: Fixture;
      preset: Preset;
      table: LocalTable['clientConfig'];
      folder: string;
    }) => Promise<Result>,
  ): Promise<Result> {
    const table = await startTable();
    const folder = join(this.#folder, `run-${process.pid}`);
    try {
      const common = { protocol, fixture: this.#fixture(records), preset: this.#preset, folder };
      return await work({ ...common, table: table.clientConfig });
    } finally {
      await table.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }
}
