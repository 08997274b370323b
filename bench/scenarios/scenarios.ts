/** The scenarios of one compaction: what is prepared unseen, and what is measured. The same for both protocols. */
import { PRESETS } from '../network/model.ts';
import { Network } from '../network/network.ts';
import type { Baseline } from './baseline.ts';
import { type DeltaKind, type DeltaName, idOf } from './deltas.ts';
import type { Ours } from './ours.ts';

export const SCENARIOS = [
  'upserts-100',
  'updates-50',
  'deletes-50',
  'upserts-2000',
  'nothing-to-do',
  'container-cold',
  'container-and-cache-cold',
  'container-stale',
  'lost-race',
  'reader-refresh',
] as const;
export type Scenario = (typeof SCENARIOS)[number];

/** What changed and how large the snapshot is; the baseline knows no changed blocks. */
export interface ActResult {
  changedBytes: number;
  snapshotBytes: number;
  /** Milliseconds in each Lambda of ours, by the state's name. */
  stateMs?: Record<string, number>;
  /** Uploaded by the defragmentation before it, which is no part of it; 0 if there was none. */
  defragmentedBytes?: number;
}

/** Prepares repetition number `n`, unmeasured, and returns what is to be measured. */
export type Prepare = (n: number) => Promise<() => Promise<ActResult>>;

const NO_CHANGE = { changedBytes: 0, snapshotBytes: 0 };
const STALE_VERSIONS = 3;

const KINDS: Partial<Record<Scenario, DeltaKind>> = {
  'updates-50': 'updates-50',
  'deletes-50': 'deletes-50',
  'upserts-2000': 'upserts-2000',
};

/** Deltas of the preparation have numbers of their own, far from the measured ones. */
const aside = (n: number, part = 0) => 1_000 + n * 10 + part;

/** Puts a delta into the inbox, from a process of its own. */
export type Submit = (delta: DeltaName) => Promise<void>;

/** One compaction by another container: a process of its own, whose memory is not the measured one's. */
export type CompactElsewhere = () => Promise<void>;

export function prepareOurs(
  scenario: Scenario,
  ours: Ours,
  submit: Submit,
  compactElsewhere: CompactElsewhere,
): Prepare {
  let defragmentedBytes = 0;
  const measured = async (before?: (state: string) => Promise<void>): Promise<ActResult> => {
    const { ending, state, stateMs } = await ours.compact(before);
    if (ending !== 'Compacted') throw new Error(`The execution of "${scenario}" ended as ${ending}.`);
    const { totals, committed } = state;
    return {
      changedBytes: totals.changedBytes,
      snapshotBytes: committed?.snapshotBytes ?? 0,
      stateMs,
      defragmentedBytes,
    };
  };
  const kind = KINDS[scenario] ?? 'upserts-100';
  return async (n) => {
    defragmentedBytes = await ours.defragment(compactElsewhere);
    switch (scenario) {
      case 'nothing-to-do':
        return async () => {
          const { ending } = await ours.compact();
          if (ending !== 'UpToDate') throw new Error(`With nothing to do the execution ended as ${ending}.`);
          return NO_CHANGE;
        };
      case 'container-cold':
      case 'container-and-cache-cold':
        await submit({ kind, n });
        await ours.cool({ cache: scenario === 'container-and-cache-cold' });
        return measured;
      case 'container-stale':
        for (let part = 0; part < STALE_VERSIONS; part++) {
          await submit({ kind, n: aside(n, part) });
          await compactElsewhere();
        }
        await submit({ kind, n });
        return measured;
      case 'lost-race': {
        await submit({ kind, n: aside(n) });
        let publish: (() => Promise<void>) | undefined = await ours.rival({ deltaId: idOf({ kind, n: aside(n) }) });
        await submit({ kind, n });
        return () =>
          measured(async (state) => {
            if (state !== 'CheckBase') return;
            await publish?.();
            publish = undefined;
          });
      }
      case 'reader-refresh': {
        await ours.refresh(new Network(PRESETS.local));
        await submit({ kind, n });
        const { state } = await ours.compactAside();
        ours.meter.reset();
        return async () => {
          await ours.refresh(ours.network());
          const { totals, committed } = state;
          return { changedBytes: totals.changedBytes, snapshotBytes: committed?.snapshotBytes ?? 0 };
        };
      }
      default:
        await submit({ kind, n });
        return measured;
    }
  };
}

export function prepareBaseline(scenario: Scenario, baseline: Baseline, submit: Submit): Prepare {
  const kind = KINDS[scenario] ?? 'upserts-100';
  const snapshotBytes = async () => (await baseline.pointer()).files.reduce((sum, { size }) => sum + size, 0);
  const result = async (): Promise<ActResult> => ({ changedBytes: 0, snapshotBytes: await snapshotBytes() });
  return async (n) => {
    if (scenario === 'nothing-to-do') {
      return async () => {
        await baseline.compact([]);
        return NO_CHANGE;
      };
    }
    if (scenario === 'reader-refresh') {
      return async () => {
        await baseline.refresh(baseline.network());
        return result();
      };
    }
    let publish: (() => Promise<void>) | undefined;
    if (scenario === 'lost-race') {
      await submit({ kind, n: aside(n) });
      publish = await baseline.rival({ deltaId: idOf({ kind, n: aside(n) }) });
    }
    if (scenario === 'container-and-cache-cold') await baseline.cool();
    const own = { deltaId: idOf({ kind, n }) };
    await submit({ kind, n });
    return async () => {
      const outcome = await baseline.compact([own], async () => {
        await publish?.();
        publish = undefined;
      });
      if (outcome !== 'committed') throw new Error(`The baseline's cycle of "${scenario}" ended as ${outcome}.`);
      return result();
    };
  };
}
