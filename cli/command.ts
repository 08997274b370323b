/** What every command has in common: its target opened and closed, its output, its errors and exit code. */
import type { Command } from 'commander';
import { endAtOnce } from './interrupt.ts';
import { createOutput, EXIT, type Output, reportError, reportInterrupt } from './output.ts';
import { resolveName } from './resolve-name.ts';
import { openTarget, type Target } from './target.ts';

export interface Context {
  target: Target;
  output: Output;
}

export interface CommandTraits {
  /** It runs until it is interrupted, and ends well then. */
  runsOn?: boolean;
}

/** Wrap an action that needs the target. Positional arguments come as commander gives them, then the options. */
export function withTarget<Args extends unknown[]>(
  command: Command,
  action: (context: Context, ...args: Args) => Promise<void>,
  { runsOn = false }: CommandTraits = {},
): Command {
  return command.action(async (...all: unknown[]) => {
    // Commander adds the options and the command itself after the arguments.
    const args = all.slice(0, -1) as Args;
    const { data, json = false } = command.optsWithGlobals<{ data: string; json?: boolean }>();
    const output = createOutput(json);
    let target: Target | undefined;
    let isImpatient = false;
    if (!runsOn) endAtOnce((message, exitCode) => reportInterrupt(message, exitCode, json));
    try {
      target = await openTarget(data);
      await action({ target, output }, ...args);
    } catch (error) {
      process.exitCode = reportError(error, json);
      // The wait ends after the time that was asked for.
      isImpatient = process.exitCode === EXIT.timedOut;
    } finally {
      await target?.close(isImpatient);
    }
  });
}

/** The same for a command whose first argument is a collection: what is given may be its name in the directory of names. */
export function withCollection<Args extends [string | undefined, ...unknown[]]>(
  command: Command,
  action: (context: Context, ...args: Args) => Promise<void>,
  traits: CommandTraits = {},
): Command {
  return withTarget<Args>(
    command,
    async (context, ...[given, ...rest]) => {
      const collection = given === undefined ? undefined : await resolveName(context.target.ports, given);
      await action(context, ...([collection, ...rest] as Args));
    },
    traits,
  );
}
