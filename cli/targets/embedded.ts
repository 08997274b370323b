/** A local stack in this process, for the duration of one command. */
import { setTimeout as delay } from 'node:timers/promises';
import { type LocalStack, startStack } from '../../local/stack.ts';
import type { Target } from '../target.ts';
import { teller } from '../waiting-for.ts';
import type { LocalPlace } from './local.ts';

/** How long closing waits for executions that a command leaves running. */
const PATIENCE_MS = 15 * 60 * 1_000;

/** @throws ConfigurationError */
export async function openEmbedded({ dataDirectory, place, settings }: LocalPlace): Promise<Target> {
  const stack = await startStack({ dataDirectory, env: settings });
  const { ports, sfn, stateMachineArn } = stack;
  return {
    kind: 'embedded',
    place,
    ports,
    sfn,
    stateMachineArn,
    // Executions end with this process, so they are given time to finish.
    close: async (isImpatient = false) => {
      if (!isImpatient) await idle(stack);
      await stack.close();
    },
  };
}

/**
 * Wait until nothing is running, but not for ever: cutting an execution off is like a crash, which the next one
 * repairs.
 */
async function idle({ stepFunctions }: LocalStack): Promise<void> {
  const tell = teller();
  const timer = setInterval(() => tell('executions of this stack are still running, and end with this command'), 500);
  const limit = new AbortController();
  const patience = delay(PATIENCE_MS, undefined, { signal: limit.signal }).catch(() => {});
  await Promise.race([stepFunctions.idle(), patience]);
  limit.abort();
  clearInterval(timer);
}
