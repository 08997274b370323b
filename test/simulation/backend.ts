/** What stands behind the calls of everybody in a world: a store that is watched, a table, an engine, and the settings. */
import { ulid } from 'ulid';
import type { Ports } from '../../lambdas/ports.ts';
import type { CompactionCommitted } from '../../lambdas/protocol/announcement.ts';
import { MEMORY_CODEC } from '../support/memory-codec.ts';
import { MemoryDirectories } from '../support/memory-directories.ts';
import { MemoryEngine } from '../support/memory-engine.ts';
import { HEAVY, POISON } from './contents.ts';
import type { Backend } from './gated-ports.ts';
import type { Stack } from './stack.ts';
import { worldTelemetry } from './telemetry.ts';
import type { World } from './world.ts';

/** So few slots as there are here must be worth a vacuum. */
const SLOT_BYTES = 4 * 1024 * 1024;

const says = (word: string) => (record: { metadata?: Record<string, unknown> }) => record.metadata?.[word] === true;
/** Of every engine. */
export const QUIRKS = { refuses: says(POISON), hangs: says(HEAVY) };

/** @param by Whose calls these are. */
export function backendOf(world: World, { table, cache, machines }: Stack, by: string): Backend {
  const { plant, profile, oracle } = world;
  const observed = world.storeOf(by);
  return {
    store: plant.store?.(observed) ?? observed,
    locks: plant.locks?.(table) ?? table,
    statuses: table,
    engine: new MemoryEngine({ ...QUIRKS, slotBytes: SLOT_BYTES }),
    cache,
    executions: machines,
    announcer: {
      announce: async (announcements: readonly CompactionCommitted[]) => oracle.announced(announcements),
    },
    telemetry: worldTelemetry(world),
    settings: {
      lockDurationMs: 60_000,
      claimDurationMs: 60_000,
      heartbeatIntervalMs: 30_000,
      maxDeltasPerCommit: profile.maxDeltasPerCommit,
      maxBytesPerCommit: profile.maxBytesPerCommit,
      retainVersions: profile.retainVersions,
      retainDays: profile.retainMs / 86_400_000,
      ...(profile.isFragile && { scale: { along: 0, leastDead: 0 } }),
    },
    ...(plant.wrapDirectory === undefined ? {} : { wrapDirectory: plant.wrapDirectory }),
  };
}

/** Ports of somebody who meets no faults, and whose calls take no time. */
export function calmPorts(world: World): Ports {
  const { scheduler } = world;
  const random = world.random.next;
  const clock = {
    now: () => scheduler.now(),
    monotonic: () => scheduler.elapsed(),
    sleep: (ms: number) => scheduler.wait(ms),
    every: () => () => {},
  };
  const ids = { ulid: () => ulid(scheduler.now(), random), random };
  return { ...backendOf(world, world, 'calm'), directories: new MemoryDirectories(), codec: MEMORY_CODEC, clock, ids };
}
