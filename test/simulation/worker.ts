/** One thread of a campaign. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Progress, Share } from './campaign.ts';
import { addCounts, noCounts } from './counts.ts';
import { plantSource } from './planted/load.ts';

/** Stacks are of no use in a world that can be replayed, and they cost a tenth of the time. */
Error.stackTraceLimit = 0;
/** So many worlds between two repeated ones, whose traces must be equal. */
const REPEAT_EVERY = 50;
const REPORT_EVERY = 20;

const { bug, first, step, last, stopsAtViolation, lookFor } = workerData as Share;
plantSource(bug);
// Only now: what is loaded before has no bug.
const { plantOf } = await import('./bugs.ts');
const { simulate } = await import('./simulate.ts');
const plant = () => ({ ...plantOf(bug)(), ...(lookFor && { lookFor }) });
const tell = (progress: Progress) => parentPort?.postMessage(progress);

let counts = noCounts();
let worlds = 0;
let events = 0;
const report = () => {
  tell({ type: 'worlds', worlds, counts, events });
  counts = noCounts();
  worlds = 0;
  events = 0;
};

for (let seed = first; seed <= last; seed += step) {
  const simulation = await simulate(seed, plant);
  addCounts(counts, simulation.counts);
  worlds++;
  events += simulation.events;
  const { violations } = simulation;
  if (violations.length > 0) tell({ type: 'found', found: { seed, violations } });
  if (((seed - first) / step) % REPEAT_EVERY === 0) {
    const again = await simulate(seed, plant);
    if (again.hash !== simulation.hash) tell({ type: 'unrepeatable', seed });
  }
  if (violations.length > 0 && stopsAtViolation) break;
  if (worlds >= REPORT_EVERY) report();
  // Worlds go on in ticks alone: what waits for the event loop, such as weak references, has its turn between them.
  await new Promise((resolve) => setImmediate(resolve));
}
report();
