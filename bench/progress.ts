/** Progress of the smaller benches on the terminal; none when the output is a document. */
import { Listr, type ListrTask } from 'listr2';

export type Report = (text: string) => void;

export function task(title: string, work: (report: Report) => Promise<void>): ListrTask {
  return {
    title,
    task: (_context, item) =>
      work((text) => {
        item.output = text;
      }),
  };
}

/** One after the other. Throws what the first one that fails throws. */
export async function runTasks(tasks: ListrTask[], { json = false }: { json?: boolean | undefined }): Promise<void> {
  const renderers = json
    ? ({ renderer: 'silent', fallbackRenderer: 'silent' } as const)
    : ({ renderer: 'default', fallbackRenderer: 'simple' } as const);
  await new Listr(tasks, renderers).run();
}
