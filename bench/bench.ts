/** One run of a plan, from its first snapshot to its document. */
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Listr } from 'listr2';
import { checkBounds } from './bounds.ts';
import { type BenchDocument, benchDocument, type Failure } from './document.ts';
import type { Preset } from './network/model.ts';
import type { Plan } from './plan.ts';
import { BenchRun } from './run.ts';
import { tasksOf } from './tasks.ts';

export interface BenchOptions {
  /** For snapshots, which stay; the document as far as it has come is `last.json` there. */
  folder: string;
  preset: Preset;
  only?: string;
  /** Ends what runs; the document has what was measured by then, and that it was interrupted. */
  signal: AbortSignal;
  /** Nothing is shown. */
  silent?: boolean;
  onFailure?: (name: string, error: Error) => void;
  /** Asked each time that the document is kept. */
  describe: () => BenchDocument['run'];
}

/** @throws Error (the options leave nothing to measure) */
export async function runBench(
  plan: Plan,
  options: BenchOptions,
  run = new BenchRun(options.folder, options.preset, options.signal),
): Promise<BenchDocument> {
  const { folder, preset, only, signal, silent = false, onFailure = () => {}, describe } = options;
  const failures: Failure[] = [];
  const document = (): BenchDocument => {
    const { scenarios, contention } = run;
    const bounds = preset === 'aws' ? checkBounds({ scenarios, contention }) : [];
    return benchDocument.parse({ run: describe(), scenarios, contention, failures, bounds });
  };
  await removeLeftovers(folder);
  const keep = () => keepDocument(join(folder, 'last.json'), document());
  const fail = (name: string, error: Error) => {
    failures.push({ name, message: error.message });
    onFailure(name, error);
  };
  const tasks = tasksOf(plan, run, { ...(only === undefined ? {} : { only }), signal, fail, keep });
  if (tasks.length === 0) throw new Error(`No scenario of this plan has "${only}" in its name.`);
  await new Listr(tasks, {
    exitOnError: false,
    // What must be stopped is known here.
    registerSignalListeners: false,
    renderer: silent ? 'silent' : 'default',
    fallbackRenderer: silent ? 'silent' : 'simple',
  }).run();
  return document();
}

type Judged = Pick<BenchDocument, 'failures' | 'bounds'> & { run: Pick<BenchDocument['run'], 'failsOnTiming'> };

/** Did the run measure everything, and does what it fails by hold? */
export function isGood({ failures, bounds, run }: Judged): boolean {
  return failures.length === 0 && bounds.every(({ holds, timing }) => holds || (timing && !run.failsOnTiming));
}

/** Of runs that were killed, and could not remove what they had laid out. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const pid = Number(/^run-(\d+)$/.exec(name)?.[1]);
    if (pid > 0 && !isAlive(pid)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function keepDocument(path: string, document: BenchDocument): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(`${path}.new`, `${JSON.stringify(document, null, 2)}\n`);
  await rename(`${path}.new`, path);
}
