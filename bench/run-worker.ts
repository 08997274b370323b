/** Starts workers and waits for their answers. */
import { type ChildProcess, fork } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PROCESS_ENVIRONMENT } from '../lambdas/runtime/process-environment.ts';
import { type Counts, noCounts } from './network/meter.ts';
import type { Contention, ContentionOutcome, WriterOutcome } from './scenarios/contention.ts';
import type { DeltaName } from './scenarios/deltas.ts';
import type { JudgeTask, PlaceTask, Sample, ScenarioTask, Task, WriterTask } from './worker.ts';

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));

/** Types are stripped once, so that the process that is measured does without what strips them, as a bundle does. */
const COMPILED = join(tmpdir(), 'chroma-compactor-bench-compiled');

/** Several times what the slowest one takes: a worker that hangs must not hang the run. */
const LIMIT_MS = 15 * 60_000;

interface Message {
  ready?: true;
  result?: unknown;
  error?: { message: string; stack: string };
}

interface Started {
  child: ChildProcess;
  /** Of a writer only. */
  ready: Promise<void>;
  answer: Promise<unknown>;
  /** Resolves when the process has ended. */
  gone: Promise<void>;
}

function start(task: Task, signal: AbortSignal): Started {
  const child = fork(WORKER, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: ['--expose-gc'],
    // As the CDK sets it for each Lambda.
    env: { ...process.env, ...PROCESS_ENVIRONMENT, NODE_COMPILE_CACHE: COMPILED },
    // SIGTERM: the worker's Chroma servers go before it does.
    signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]),
  });
  const ready = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<unknown>();
  const gone = Promise.withResolvers<void>();
  let failure: Error | undefined;
  child.on('message', ({ ready: isReady, result, error }: Message) => {
    if (isReady) ready.resolve();
    else if (error === undefined) answer.resolve(result);
    else failure = failed(task, error.message, error.stack);
  });
  child.once('error', (error) => {
    failure = failed(task, reasonOf(error, signal));
    if (child.pid === undefined) child.emit('exit', null, null);
  });
  // Not before: who hears of the failure removes what the worker writes to.
  child.once('exit', (code, by) => {
    answer.reject(failure ?? failed(task, `it ended with ${code ?? by} and no answer`));
    gone.resolve();
  });
  answer.promise.catch(ready.reject);
  ready.promise.catch(() => {});
  child.send(task, () => {});
  return { child, ready: ready.promise, answer: answer.promise, gone: gone.promise };
}

/**
 * Laid out by a process of its own, so that the one that is measured does a compactor's work alone.
 * @param signal ends the worker
 * @throws Error (with the worker's own stack)
 */
export async function runScenarioWorker(task: ScenarioTask, signal: AbortSignal): Promise<Sample[]> {
  await start({ ...commonOf(task), kind: 'place' }, signal).answer;
  return (await start(task, signal).answer) as Sample[];
}

/** For a worker, whose own end ends it too. */
export async function runProducer(task: ScenarioTask, delta: DeltaName): Promise<void> {
  await start({ ...commonOf(task), kind: 'submit', delta }, new AbortController().signal).answer;
}

/** The same, for one compaction by another container. */
export async function runOtherContainer(task: ScenarioTask): Promise<void> {
  await start({ ...commonOf(task), kind: 'compact' }, new AbortController().signal).answer;
}

function commonOf({ protocol, fixture, preset, table, folder }: ScenarioTask): Omit<PlaceTask, 'kind'> {
  return { protocol, fixture, preset, table, folder };
}

/** Lay out, let all writers go at once, and compare what they left with what they submitted. */
export async function runContention(
  common: Omit<PlaceTask, 'kind'>,
  options: Contention,
  signal: AbortSignal,
): Promise<ContentionOutcome> {
  await start({ ...common, kind: 'place' }, signal).answer;
  const writers = Array.from({ length: options.writers }, (_, writer) => {
    const task: WriterTask = { ...common, kind: 'writer', options, writer };
    return start(task, signal);
  });
  try {
    await Promise.all(writers.map(({ ready }) => ready));
    const started = performance.now();
    for (const { child } of writers) child.send('go');
    const outcomes = (await Promise.all(writers.map(({ answer }) => answer))) as WriterOutcome[];
    const wallMs = performance.now() - started;
    const judgement: JudgeTask = { ...common, kind: 'judge', options, rounds: outcomes.map(({ rounds }) => rounds) };
    const judged = (await start(judgement, signal).answer) as Pick<
      ContentionOutcome,
      'submitted' | 'lost' | 'duplicated'
    >;
    return { wallMs, ...judged, counts: sum(outcomes), held: outcomes.flatMap(({ held }) => held) };
  } finally {
    // After a failure of one: the others would go on for nobody.
    for (const { child } of writers) child.kill();
    await Promise.all(writers.map(({ gone }) => gone));
  }
}

function failed({ protocol, kind }: Task, reason: string, stack?: string): Error {
  const error = new Error(`A worker failed (${protocol}, ${kind}): ${reason}`);
  if (stack !== undefined) error.stack = stack;
  return error;
}

function reasonOf(error: Error, signal: AbortSignal): string {
  if (error.name !== 'AbortError') return error.message;
  return signal.aborted ? 'the run was interrupted' : `it took longer than ${LIMIT_MS / 60_000} minutes`;
}

function sum(outcomes: readonly WriterOutcome[]): Counts {
  const total = noCounts();
  for (const { counts } of outcomes) {
    for (const name of Object.keys(total) as Array<keyof Counts>) total[name] += counts[name];
  }
  return total;
}
