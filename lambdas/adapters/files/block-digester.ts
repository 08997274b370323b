/**
 * Computes block digests of large files on all processors: worker threads read the file themselves, so that its bytes
 * never pass through the event loop. A worker holds one buffer of 256 KiB.
 */
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { DirtyDirectoryError } from '../../errors/errors.ts';
import { blockCount, DIGEST_SIZE } from '../../snapshot/blocks.ts';
import { scriptBeside, startThread } from '../worker-threads.ts';
import type { Part } from './block-digester-worker.ts';

/** Bytes of a file that a worker gets at a time. A multiple of the block size. */
const PART_SIZE = 4 * 1024 * 1024;
/** A thread takes 13 MB. Two of them hash more than 3 GB/s, which no disk of a Lambda delivers. */
const MAX_WORKERS = 2;

/**
 * Young generation of a worker's heap, in MiB. It allocates nothing but digests of 32 bytes, and by default would let
 * 48 MB of garbage accumulate.
 */
const LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 };

const SCRIPT = scriptBeside(import.meta.url, 'block-digester-worker');

/** Idle workers, which do not keep the process alive, and the calls that wait for one. */
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
  // Hashes and comparisons do not accept shared memory.
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

/** A worker that failed itself is not used again; waiting calls get another one. */
function discard(worker: Worker): void {
  void worker.terminate();
  const next = waiting.shift();
  if (next !== undefined) next(startThread(SCRIPT, { resourceLimits: LIMITS }));
  else workers--;
}

/** The error of reading the file; `undefined` on success. Rejects if the worker itself fails. */
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
