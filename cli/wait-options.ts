/** Options of the commands that start an execution and wait for its end. */
import type { Command } from 'commander';
import { InvalidInputError } from '../lambdas/errors/errors.ts';
import type { Target } from './target.ts';

export interface WaitOptions {
  wait: boolean;
  /** Seconds. */
  timeout: number;
}

export function addWaitOptions(command: Command): Command {
  return command
    .option('--timeout <seconds>', 'stop waiting after so long (exit 4); the execution goes on', Number, 3_600)
    .option('--no-wait', 'return at once (AWS, or a local stack that keeps running)');
}

/** Milliseconds. @throws InvalidInputError */
export function timeoutMs({ timeout }: WaitOptions): number {
  if (!(timeout > 0)) throw new InvalidInputError('--timeout must be a number of seconds above 0.');
  return timeout * 1_000;
}

/** An embedded stack and its executions end with the command, so the command always waits for them. */
export function isWaiting({ wait }: WaitOptions, { kind }: Target): boolean {
  return wait || kind === 'embedded';
}
