/** Starts a worker and waits for its answer. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ContentionOutcome } from './scenarios/contention.ts';
import type { ContentionTask, Sample, ScenarioTask, Task } from './worker.ts';

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));

export function runWorker(task: ScenarioTask): Promise<Sample[]>;
export function runWorker(task: ContentionTask): Promise<ContentionOutcome>;
/** @throws Error (with the worker's own stack) */
export function runWorker(task: Task): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const child = fork(WORKER, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: ['--expose-gc'] });
    child.once('message', ({ result, error }: { result?: unknown; error?: string }) => {
      if (error === undefined) resolve(result);
      else reject(new Error(`${task.protocol}, ${JSON.stringify({ ...task, table: undefined })}: ${error}`));
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`The worker ended with ${code ?? signal} and no answer.`)));
    child.send(task);
  });
}
