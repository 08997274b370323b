/**
 * Block digests of large files at the speed of all processors: worker threads read the file themselves, so that no byte
 * of it passes through the event loop or its memory. A worker holds one buffer of 256 KiB.
 */
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { DirtyDirectoryError } from '../../errors/errors.ts';
import { blockCount, DIGEST_SIZE } from '../../snapshot/blocks.ts';
import { scriptBeside, startThread } from '../worker-threads.ts';
import type { Part } from './block-digester-worker.ts';

/** Bytes of a file that one worker is given at a time. A multiple of the block size. */
const PART_SIZE = 4 * 1024 * 1024;
/** A thread takes 13 MB. Two hash more than 3 GB/s, which no disk of a Lambda gives. */
const MAX_WORKERS = 2;

/** Of a worker's heap. It makes nothing but digests of 32 bytes, and by default would let 48 MB of them lie about. */
const LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 };

const SCRIPT = scriptBeside(import.meta.url, 'block-digester-worker');

/** Idle workers of this process, which do not keep it alive, and those who wait for one. */
const idle: Worker[] = [];
const waiting: Array<(worker: Worker) => void> = [];
let workers = 0;

/**
 * Digests of the blocks of a file, 32 bytes each. The file must not change meanwhile.
 * @throws DirtyDirectoryError (it cannot be read, or has fewer than `size` bytes)
 */
export async function digestFile(path: string, size: number): Promise<Uint8Array> {
  const digests = new SharedArrayBuffer(blockCount(size) * DIGEST_SIZE);
  const parts: Promise<void>[] = [];
  for (let start = 0; start < size; start += PART_SIZE) {
    parts.push(digestPart({ path, start, end: Math.min(size, start + PART_SIZE), digests }));
  }
  const settled = await Promise.allSettled(parts);
  const failed = settled.find((part) => part.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  // Shared memory is no argument for hashes and comparisons.
  return new Uint8Array(new Uint8Array(digests));
}

async function digestPart(part: Part): Promise<void> {
  const worker = await take();
  const failure = await ask(worker, part).catch((error: unknown) => {
    discard(worker);
    throw error;
  });
  give(worker);
  if (failure !== undefined) {
    throw new DirtyDirectoryError(`"${part.path}" cannot be read: ${failure}. Its directory is repaired or discarded.`);
  }
}

function take(): Promise<Worker> | Worker {
  const worker = idle.pop();
  if (worker !== undefined) return worker;
  if (workers >= Math.min(MAX_WORKERS, availableParallelism())) {
    return new Promise((resolve) => waiting.push(resolve));
  }
  workers++;
  return startThread(SCRIPT, { resourceLimits: LIMITS });
}

function give(worker: Worker): void {
  const next = waiting.shift();
  if (next !== undefined) next(worker);
  else idle.push(worker);
}

/** A worker that failed as such is not used again; waiting calls get another one. */
function discard(worker: Worker): void {
  void worker.terminate();
  const next = waiting.shift();
  if (next !== undefined) next(startThread(SCRIPT, { resourceLimits: LIMITS }));
  else workers--;
}

/** What went wrong with the file; `undefined` for success. Rejects when the worker itself fails. */
function ask(worker: Worker, part: Part): Promise<string | undefined> {
  worker.ref();
  return new Promise<string | undefined>((resolve, reject) => {
    const settle = (then: () => void) => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      worker.unref();
      then();
    };
    const onMessage = (failure: string | undefined) => settle(() => resolve(failure));
    const onError = (error: Error) => settle(() => reject(error));
    const onExit = () => settle(() => reject(new Error('A digesting thread ended.')));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage(part);
  });
}
