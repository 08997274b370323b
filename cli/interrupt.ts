/** Ctrl-C: answered at once, with what goes on without the command. */
import { constants } from 'node:os';

let farewell = () => 'What it had done already stays.';

/** Until the next one: what to say when the command is interrupted from now on. One sentence or two. */
export function whenInterrupted(say: () => string): void {
  farewell = say;
}

/**
 * From now on a command ends as soon as it is told to. Nothing is waited for: whatever this process leaves half done is as
 * after a crash, which the next execution repairs; servers that it started go with it.
 */
export function endAtOnce(report: (message: string, exitCode: number) => void): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      // As a shell says it of a command that a signal has ended.
      const exitCode = 128 + constants.signals[signal];
      report(`Interrupted. ${farewell()}`, exitCode);
      process.exit(exitCode);
    });
  }
}
