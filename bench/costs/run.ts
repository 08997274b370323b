/**
 * One delta into one Chroma directory, as MergeDeltas does it, in a process of its own: what comes before it, and the making
 * of it, take none of the memory that is measured.
 */
import { subscribe } from 'node:diagnostics_channel';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { ChromaEngine } from '../../lambdas/adapters/chroma/engine.ts';
import { FileStore } from '../../lambdas/adapters/store/file-store.ts';
import { SystemClock } from '../../lambdas/adapters/system.ts';
import { listInbox } from '../../lambdas/inbox/list-inbox.ts';
import { readDeltas } from '../../lambdas/inbox/read-deltas.ts';
import { applyDeltas, outcomes } from '../../lambdas/merge/apply-deltas.ts';
import type { WorkingDirectory } from '../../lambdas/ports.ts';
import { measureProcess } from '../usage.ts';
import { COLLECTION, type Cost, DIMENSION, type Task } from './document.ts';

const SILENT = { metric: () => {}, info: () => {}, warn: () => {} };

const task = JSON.parse(process.argv[2] ?? '{}') as Task;
process.stdout.write(JSON.stringify(await merge(task)));

async function merge({ store: root, path, deltaId, records }: Task): Promise<Cost> {
  const ports = { store: new FileStore(root), clock: new SystemClock(() => {}), telemetry: SILENT };
  const inbox = (await listInbox(ports, COLLECTION)).filter((entry) => entry.deltaId === deltaId);
  // The engine needs no more of a working directory.
  const directory = { path, markDirty: async () => {} } as Partial<WorkingDirectory> as WorkingDirectory;
  const session = await new ChromaEngine().open(directory);
  const sent = countRequests();
  const delay = monitorEventLoopDelay({ resolution: 10 });
  const end = measureProcess();
  delay.enable();
  let failure: string | undefined;
  let growth = 0;
  let decided = { operations: 0, rejected: 0 };
  try {
    const deltas = await readDeltas(ports, COLLECTION, inbox, DIMENSION, 0);
    const shape = { collection: COLLECTION, space: 'l2', dimension: DIMENSION, records } as const;
    const plan = await applyDeltas(session, shape, deltas);
    growth = plan.growth;
    const [entry] = outcomes(1, deltas, plan);
    decided = { operations: plan.applied.get(deltaId) ?? 0, rejected: entry?.rejectedOperations ?? 0 };
  } catch (error) {
    failure = (error as Error).message.slice(0, 200);
  }
  delay.disable();
  const { wallMs, cpuMs, peakBytes } = end();
  const requests = { ...sent };
  await session.close();
  const stallMs = delay.max / 1e6;
  return {
    ...decided,
    records: records + growth,
    ...requests,
    wallMs,
    cpuMs,
    peakBytes,
    stallMs,
    ...(failure === undefined ? {} : { failure }),
  };
}

/** Whatever client the session uses: Node tells of its own `fetch` and of `node:http`. */
function countRequests(): { requests: number; largestBytes: number } {
  const seen = { requests: 0, largestBytes: 0 };
  const count = (bytes: unknown) => {
    seen.requests++;
    seen.largestBytes = Math.max(seen.largestBytes, Number(bytes) || 0);
  };
  subscribe('undici:request:create', (message) => {
    count((message as { request: { contentLength?: number } }).request.contentLength);
  });
  subscribe('http.client.request.start', (message) => {
    const { request } = message as { request: { getHeader(name: string): unknown } };
    count(request.getHeader('content-length'));
  });
  return seen;
}
