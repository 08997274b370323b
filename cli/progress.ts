/** Progress of anything that may take more than two seconds: a spinner on a terminal, nothing in a pipe. */
import { Listr } from 'listr2';
import type { Output } from './output.ts';

export async function withProgress<Result>(
  output: Output,
  title: string,
  task: (report: (text: string) => void) => Promise<Result>,
): Promise<Result> {
  if (output.json || !process.stdout.isTTY) return task(() => {});
  let result: Result | undefined;
  const list = new Listr([
    {
      title,
      task: async (_context, item) => {
        result = await task((text) => {
          item.output = text;
        });
      },
    },
  ]);
  await list.run();
  return result as Result;
}
