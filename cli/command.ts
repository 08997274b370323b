/** What every command has in common: its target opened and closed, its output, its errors and exit code. */
import type { Command } from 'commander';
import { endAtOnce } from './interrupt.ts';
import { createOutput, type Output, reportError, reportInterrupt } from './output.ts';
import type { Target } from './target.ts';

export interface Context {
  target: Target;
  output: Output;
}

export interface CommandTraits<Args extends unknown[]> {
  /** Does the command change anything? Then it names its target: before it acts, or as `target` in its JSON. */
  changes?: boolean | ((target: Target, ...args: Args) => boolean);
  /** The command runs until it is interrupted, which then counts as success. */
  runsOn?: boolean;
}

/** Wrap an action that needs the target. It gets positional arguments as commander passes them, then the options. */
export function withTarget<Args extends unknown[]>(
  command: Command,
  action: (context: Context, ...args: Args) => Promise<void>,
  { changes = false, runsOn = false }: CommandTraits<Args> = {},
): Command {
  return command.action(async (...all: unknown[]) => {
    // Commander adds the options and the command itself after the arguments.
    const args = all.slice(0, -1) as Args;
    const { data, json = false } = command.optsWithGlobals<{ data: string; json?: boolean }>();
    const isDataGiven = command.getOptionValueSourceWithGlobals('data') === 'cli';
    let output = createOutput(json);
    let target: Target | undefined;
    let isImpatient = false;
    if (!runsOn) endAtOnce((message, exitCode) => reportInterrupt(message, exitCode, json));
    try {
      const { openTarget } = await import('./target.ts');
      target = await openTarget({ dataDirectory: data, isDataGiven });
      if (typeof changes === 'function' ? changes(target, ...args) : changes) output = output.changing(target.place);
      await action({ target, output }, ...args);
    } catch (error) {
      process.exitCode = reportError(error, output);
      // In an embedded stack, work in progress may keep failing every minute. Cutting it off has the same effect as a
      // crash.
      isImpatient = true;
    } finally {
      await target?.close(isImpatient);
    }
  });
}

/**
 * The same for a command whose first argument is a collection, which may be given by its name in the directory of
 * names.
 */
export function withCollection<Args extends [string | undefined, ...unknown[]]>(
  command: Command,
  action: (context: Context, ...args: Args) => Promise<void>,
  traits: CommandTraits<Args> = {},
): Command {
  return withTarget<Args>(
    command,
    async (context, ...[given, ...rest]) => {
      const { resolveName } = await import('./resolve-name.ts');
      const collection = given === undefined ? undefined : await resolveName(context.target.ports, given);
      await action(context, ...([collection, ...rest] as Args));
    },
    traits,
  );
}
