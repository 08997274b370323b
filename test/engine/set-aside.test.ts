/** Setting aside on real Chroma: a server that falls silent at one delta, and answers without it. Most of its time is backoff. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ChromaEngine } from '../../lambdas/adapters/chroma/engine.ts';
import type { EngineSession, OpenOptions, WorkingDirectory } from '../../lambdas/ports.ts';
import { listAside } from '../../lambdas/producer/aside.ts';
import { SnapshotReader } from '../../lambdas/reader/snapshot-reader.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import { realPorts } from '../corruption/world.ts';
import { COLLECTION, createCollection, type MemoryPorts, submit } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { processesOn } from './support.ts';

const SILENT = 'silent';

/** Its server is stopped, and not ended, before it is sent that record: whoever asks waits in vain. */
class SilencedEngine extends ChromaEngine {
  override async open(directory: WorkingDirectory, options?: OpenOptions): Promise<EngineSession> {
    const session = await super.open(directory, options);
    const upsert = session.upsert.bind(session);
    session.upsert = async (records) => {
      if (records.some(({ id }) => id === SILENT)) {
        for (const pid of await processesOn(directory.path)) process.kill(pid, 'SIGSTOP');
      }
      return upsert(records);
    };
    return session;
  }
}

let root: string;
let ports: MemoryPorts;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'set-aside-'));
  ports = realPorts(root, new SilencedEngine({ graceMs: 100, requestMs: 2_000 }));
  await createCollection(ports);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const upsert = (id: string): Operation => ({ op: 'upsert', id, embedding: [1, 2, 3, 4], document: `of ${id}` });

test('the delta is kept, and those around it are applied', async () => {
  await submit(ports, 'a', [upsert('first')]);
  await submit(ports, 'b', [upsert(SILENT)]);
  await submit(ports, 'c', [upsert('last')]);

  const { path, error } = await run(ports, { collection: COLLECTION });

  expect([path.at(-1), error]).toEqual(['Compacted', undefined]);
  const statuses = await ports.statuses.getStatuses(COLLECTION, ['a', 'b', 'c']);
  expect([...statuses].map(([id, { outcome }]) => `${id} ${outcome}`).sort()).toEqual([
    'a applied',
    'b rejected',
    'c applied',
  ]);
  expect((await listAside(ports, COLLECTION)).map(({ deltaId }) => deltaId)).toEqual(['b']);
  const reader = await SnapshotReader.open(ports, COLLECTION);
  const found = await reader.use(({ find }) => find());
  await reader.close();
  expect(found.map(({ id }) => id).sort()).toEqual(['first', 'last']);
});
