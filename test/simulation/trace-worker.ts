/** One world once more, in a thread of its own, so that a bug of the source can be planted in it: its trace. */
import { parentPort, workerData } from 'node:worker_threads';
import { plantSource } from './planted/load.ts';

Error.stackTraceLimit = 0;
const { bug, seed } = workerData as { bug: string | null; seed: number };
plantSource(bug);
const { plantOf } = await import('./bugs.ts');
const { simulate } = await import('./simulate.ts');
const { trace } = await simulate(seed, plantOf(bug), true);
parentPort?.postMessage(trace);
