/** Ctrl-C: answered at once, with a note on what continues without the command. */
import { constants } from 'node:os';

let farewell = () => 'What it had done already stays.';

/** Sets what to say if the command is interrupted from now on, until the next call: one sentence or two. */
export function whenInterrupted(say: () => string): void {
  farewell = say;
}

/**
 * From now on the command ends as soon as it gets a signal, without waiting for anything. Work that this process leaves
 * half done looks like that of a crash, which the next execution repairs; servers that it started end with it.
 */
export function endAtOnce(report: (message: string, exitCode: number) => void): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      // The exit code that a shell reports for a command ended by a signal.
      const exitCode = 128 + constants.signals[signal];
      report(`Interrupted. ${farewell()}`, exitCode);
      process.exit(exitCode);
    });
  }
}
