/**
 * What starts executions automatically, as deployed: StartCompaction behind its queue, and the sweep on its schedule.
 */
import { fileURLToPath } from 'node:url';
import type { Ports } from '../lambdas/ports.ts';
import { runWithPorts } from '../lambdas/runtime/handler.ts';
import { handler as startCompaction } from '../lambdas/start-compaction.ts';
import { handler as sweepAll } from '../lambdas/sweep.ts';
import { type Watching, watchDeltas } from './notifications.ts';
import type { LocalStepFunctions } from './sfn/executions.ts';
import { QUEUE, type QueueOptions, StarterQueue } from './starter-queue.ts';

/** As deployed: `sweepMinutes`. */
const SWEEP_MS = 5 * 60_000;

export interface TriggerOptions {
  queue?: QueueOptions;
  sweepMs?: number;
}

export interface Triggers {
  close(): Promise<void>;
}

/** Only a store of files has notifications here; in other stores, new deltas are found by the sweep alone. */
export async function startTriggers(
  { ports, stepFunctions, machine }: { ports: Ports; stepFunctions: LocalStepFunctions; machine: string },
  { queue: options = QUEUE, sweepMs = SWEEP_MS }: TriggerOptions = {},
): Promise<Triggers> {
  const queue = new StarterQueue((batch) => runWithPorts(ports, () => startCompaction(batch)), {
    options,
    warn: (message, fields) => ports.telemetry.warn(message, fields),
  });
  const stopListening = stepFunctions.onStatusChange(({ detail }) => {
    if (detail.stateMachineArn !== machine || detail.status === 'ABORTED') return;
    queue.ended(collectionOf(detail.input), detail.status !== 'SUCCEEDED');
  });
  const warn = (error: Error) => ports.telemetry.warn('The inbox is not watched.', { reason: String(error) });
  const { url } = ports.store;
  const watching: Watching | undefined = url.startsWith('file:')
    ? await watchDeltas(fileURLToPath(url), (arrived) => queue.send(arrived), warn)
    : undefined;
  let sweeping: Promise<unknown> = Promise.resolve();
  const sweep = () => {
    sweeping = runWithPorts(ports, () => sweepAll(undefined)).catch((error: unknown) =>
      ports.telemetry.warn('The sweep failed.', { reason: String(error) }),
    );
  };
  // Finds deltas that arrived while nothing was running.
  sweep();
  const timer = setInterval(sweep, sweepMs);
  return {
    close: async () => {
      clearInterval(timer);
      stopListening();
      watching?.close();
      await queue.close();
      await sweeping;
    },
  };
}

function collectionOf(input: string): string {
  try {
    return String((JSON.parse(input) as { collection?: unknown } | null)?.collection);
  } catch {
    return '';
  }
}
