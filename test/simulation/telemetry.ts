/** What steps report: counted, and where a step says that it passes over a delta, taken as an excuse. */
import type { Telemetry } from '../../lambdas/ports.ts';
import { METRICS } from '../../lambdas/protocol/metrics.ts';
import { parseDeltaKey } from '../../lambdas/snapshot/keys.ts';
import type { World } from './world.ts';

/** Longest that a look at the inbox takes, from a read that failed to the warning. */
const LOOK_MS = 60_000;
const UNREADABLE = 'A delta stays unreadable';

export function worldTelemetry(world: World): Telemetry {
  const { counts, scheduler } = world;
  return {
    metric: ({ name }, value) => {
      if (name === METRICS.rebase.name) counts.rebases += value;
      if (name === METRICS.delegated.name) counts.delegations += value;
    },
    info: (message) => {
      if (message === 'Vacuumed.') counts.vacuums++;
      if (message === 'Emptied.') counts.emptied++;
      if (message === 'Defragmenting.') counts.defragmentations++;
    },
    warn: (message, fields = {}) => {
      scheduler.note(`(${message})`);
      const collection = parseDeltaKey(String(fields.key))?.collection;
      if (message.startsWith(UNREADABLE) && collection !== undefined) world.excuse(collection, UNREADABLE, LOOK_MS);
    },
  };
}
