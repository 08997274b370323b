/**
 * Threads whose scripts are files of their own, `<module>-worker` beside the module that starts them: in the sources,
 * in the built package, and beside the one file of a bundle, to which `cdk/bundle.ts` adds them.
 */
import { extname } from 'node:path';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/** @param module `import.meta.url` of the caller. @param name File name of the script, without extension. */
export function scriptBeside(module: string, name: string): URL {
  return new URL(`./${name}${extname(module)}`, module);
}

/** Without the process's own flags: some, such as `--input-type`, prevent a thread from loading its file. */
export function startThread(script: URL, options: Pick<WorkerOptions, 'workerData' | 'resourceLimits'>): Worker {
  return new Worker(script, { ...options, execArgv: [] });
}

/**
 * The single message that a thread with one task posts.
 * @throws what the thread threw, or Error (it ended without a result)
 */
export function answerOf<Result>(script: URL, workerData: unknown): Promise<Result> {
  return new Promise((resolve, reject) => {
    const worker = startThread(script, { workerData });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('its thread ended without a result')));
  });
}
