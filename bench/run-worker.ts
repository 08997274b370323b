/** Starts workers and waits for their answers. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Counts, noCounts } from './network/meter.ts';
import type { Contention, ContentionOutcome, WriterOutcome } from './scenarios/contention.ts';
import type { JudgeTask, PlaceTask, Sample, ScenarioTask, Task, WriterTask } from './worker.ts';

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));

interface Message {
  ready?: true;
  result?: unknown;
  error?: string;
}

interface Started {
  child: ChildProcess;
  /** Of a writer only. */
  ready: Promise<void>;
  answer: Promise<unknown>;
}

function start(task: Task): Started {
  const child = fork(WORKER, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: ['--expose-gc'] });
  const ready = Promise.withResolvers<void>();
  const answer = new Promise((resolve, reject) => {
    child.on('message', (message: Message) => {
      if (message.ready) return ready.resolve();
      if (message.error === undefined) resolve(message.result);
      else reject(new Error(`A worker failed (${task.protocol}, ${task.kind}): ${message.error}`));
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`A worker ended with ${code ?? signal} and no answer.`)));
  });
  answer.catch(ready.reject);
  ready.promise.catch(() => {});
  child.send(task);
  return { child, ready: ready.promise, answer };
}

/** @throws Error (with the worker's own stack) */
export async function runScenarioWorker(task: ScenarioTask): Promise<Sample[]> {
  return (await start(task).answer) as Sample[];
}

/** Lay out, let all writers go at once, and compare what they left with what they submitted. */
export async function runContention(common: Omit<PlaceTask, 'kind'>, options: Contention): Promise<ContentionOutcome> {
  await start({ ...common, kind: 'place' }).answer;
  const writers = Array.from({ length: options.writers }, (_, writer) => {
    const task: WriterTask = { ...common, kind: 'writer', options, writer };
    return start(task);
  });
  try {
    await Promise.all(writers.map(({ ready }) => ready));
    const started = performance.now();
    for (const { child } of writers) child.send('go');
    const outcomes = (await Promise.all(writers.map(({ answer }) => answer))) as WriterOutcome[];
    const wallMs = performance.now() - started;
    const judgement: JudgeTask = { ...common, kind: 'judge', options, rounds: outcomes.map(({ rounds }) => rounds) };
    const judged = (await start(judgement).answer) as Pick<ContentionOutcome, 'submitted' | 'lost' | 'duplicated'>;
    return { wallMs, ...judged, counts: sum(outcomes), held: outcomes.flatMap(({ held }) => held) };
  } finally {
    // After a failure of one: the others would go on for nobody.
    for (const { child } of writers) child.kill();
  }
}

function sum(outcomes: readonly WriterOutcome[]): Counts {
  const total = noCounts();
  for (const { counts } of outcomes) {
    for (const name of Object.keys(total) as Array<keyof Counts>) total[name] += counts[name];
  }
  return total;
}
