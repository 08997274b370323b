/** Many seeds over several threads, and what came of them. */
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { addCounts, type Counts, noCounts } from './counts.ts';

/** What a thread is asked for: seeds from `first` on, in steps of `step`. */
export interface Share {
  /** Name of a planted bug, `control`, or nothing. */
  bug: string | null;
  first: number;
  step: number;
  last: number;
  /** Until the first violation only. */
  stopsAtViolation: boolean;
  /** The only violations that count; otherwise those that the planted bug names, or all. */
  lookFor?: RegExp;
}

export interface Found {
  seed: number;
  violations: readonly string[];
}

export type Progress =
  | { type: 'worlds'; worlds: number; counts: Counts; events: number }
  | { type: 'found'; found: Found }
  | { type: 'unrepeatable'; seed: number }
  | { type: 'done' };

export interface Campaign {
  worlds: number;
  events: number;
  counts: Counts;
  found: Found[];
  /** Seeds that did not give the same trace twice. */
  unrepeatable: number[];
  ms: number;
}

export interface Request {
  bug?: string;
  seed: number;
  seeds: number;
  threads: number;
  stopsAtViolation?: boolean;
  lookFor?: RegExp;
  onProgress?: (campaign: Campaign) => void;
}

/** Never rejects for a violation; rejects when the simulator itself fails. */
export async function campaign(request: Request): Promise<Campaign> {
  const { bug = null, seed, seeds, threads, stopsAtViolation = false, lookFor, onProgress } = request;
  const result: Campaign = { worlds: 0, events: 0, counts: noCounts(), found: [], unrepeatable: [], ms: 0 };
  const started = performance.now();
  const workers: Worker[] = [];
  const thread = (n: number) =>
    new Promise<void>((resolve, reject) => {
      const share: Share = {
        ...{ bug, first: seed + n, step: threads, last: seed + seeds - 1, stopsAtViolation },
        ...(lookFor && { lookFor }),
      };
      const worker = new Worker(fileURLToPath(new URL('./worker.ts', import.meta.url)), {
        workerData: share,
        // Worlds are short-lived garbage: with a large nursery it is collected for nothing.
        resourceLimits: { maxYoungGenerationSizeMb: 256 },
      });
      workers.push(worker);
      worker.on('error', reject);
      worker.on('exit', () => resolve());
      worker.on('message', (message: Progress) => {
        if (message.type === 'found') {
          result.found.push(message.found);
          if (stopsAtViolation) for (const other of workers) other.terminate();
        } else if (message.type === 'unrepeatable') result.unrepeatable.push(message.seed);
        else if (message.type === 'worlds') {
          result.worlds += message.worlds;
          result.events += message.events;
          addCounts(result.counts, message.counts);
          result.ms = performance.now() - started;
          onProgress?.(result);
        }
      });
    });
  await Promise.all(Array.from({ length: threads }, (_, n) => thread(n)));
  result.ms = performance.now() - started;
  result.found.sort((a, b) => a.seed - b.seed);
  return result;
}
