/**
 * Progress of anything that may take more than two seconds: a spinner on a terminal, plain lines on one whose width is not
 * known (some editors and containers have such), where a spinner writes over what it should not; nothing in a pipe.
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
  // Here alone: it is not small.
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
    // It would take Ctrl-C, and then wait for its tasks.
    { registerSignalListeners: false },
  );
  await list.run();
  return result as Result;
}
