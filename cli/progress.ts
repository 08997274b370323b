/**
 * Progress of anything that may take more than two seconds. On a terminal it is a spinner; on a terminal of unknown
 * width, as some editors and containers have, where a spinner would overwrite other output, it is plain lines; in a
 * pipe it is nothing.
 */
import type { Output } from './output.ts';

interface Stream {
  isTTY?: boolean;
  columns?: number;
}

export type ProgressKind = 'none' | 'lines' | 'spinner';

/** How progress is shown on this stream. */
export function progressKind(
  { json }: Pick<Output, 'json'>,
  { isTTY, columns }: Stream = process.stdout,
): ProgressKind {
  if (json || isTTY !== true) return 'none';
  return columns !== undefined && columns > 0 ? 'spinner' : 'lines';
}

export async function withProgress<Result>(
  output: Output,
  title: string,
  task: (report: (text: string) => void) => Promise<Result>,
): Promise<Result> {
  const kind = progressKind(output);
  if (kind === 'none') return task(() => {});
  return kind === 'lines' ? inLines(title, task) : underSpinner(title, task);
}

async function inLines<Result>(title: string, task: (report: (text: string) => void) => Promise<Result>) {
  let last = '';
  process.stderr.write(`${title}\n`);
  return task((text) => {
    if (text !== last && text !== '') process.stderr.write(`  ${text}\n`);
    last = text;
  });
}

async function underSpinner<Result>(title: string, task: (report: (text: string) => void) => Promise<Result>) {
  // Loaded only here, because it is large.
  const { Listr } = await import('listr2');
  let result: Result | undefined;
  const list = new Listr(
    [
      {
        title,
        task: async (_context, item) => {
          result = await task((text) => {
            item.output = text;
          });
        },
      },
    ],
    // Its own listener would catch Ctrl-C, and then wait for its tasks.
    { registerSignalListeners: false },
  );
  await list.run();
  return result as Result;
}
