/** What every command has in common: its target opened and closed, its output, its errors and exit code. */
import type { Command } from 'commander';
import { createOutput, type Output, reportError } from './output.ts';
import { openTarget, type Target } from './target.ts';

export interface Context {
  target: Target;
  output: Output;
}

/** Wrap an action that needs the target. Positional arguments come as commander gives them, then the options. */
export function withTarget<Args extends unknown[]>(
  command: Command,
  action: (context: Context, ...args: Args) => Promise<void>,
): Command {
  return command.action(async (...all: unknown[]) => {
    // Commander adds the options and the command itself after the arguments.
    const args = all.slice(0, -1) as Args;
    const { data, json = false } = command.optsWithGlobals<{ data: string; json?: boolean }>();
    const output = createOutput(json);
    let target: Target | undefined;
    try {
      target = await openTarget(data);
      await action({ target, output }, ...args);
    } catch (error) {
      process.exitCode = reportError(error, json);
    } finally {
      await target?.close();
    }
  });
}
