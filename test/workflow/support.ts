/** Deltas, worlds and the final account that all workflow tests share. */
import { expect } from 'vitest';
import { isClaimLive, isLockFree } from '../../lambdas/protocol/lock.ts';
import { encodePointer } from '../../lambdas/protocol/pointer.ts';
import { inboxPrefix, pointerKey } from '../../lambdas/snapshot/keys.ts';
import type { DeltaOutcome } from '../../lambdas/snapshot/ledger.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import { loadManifest } from '../../lambdas/versions/load-manifest.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { RELEASE_ABANDONED } from '../../local/machines.ts';
import { StateFailure } from '../../local/sfn/failure.ts';
import type { CompactionState } from '../../statemachine/contract.ts';
import {
  COLLECTION,
  createCollection,
  DIMENSION,
  type MemoryPorts,
  type MemoryPortsOptions,
  memoryPorts,
  records,
  submit,
} from '../support/memory-ports.ts';
import { MemoryTable } from '../support/memory-table.ts';
import { type Run, type RunOptions, run } from '../support/run-machine.ts';

export const INPUT = { collection: COLLECTION };
/** Outlasts lock and claim of `memoryPorts`. */
export const EXPIRY_MS = 61_000;

/** The state that an execution succeeded with. */
export function stateOf({ output }: Pick<Run, 'output'>): CompactionState {
  if (output === undefined) throw new Error('The execution did not succeed.');
  return output as unknown as CompactionState;
}

export const upsert = (id: string, by: number): Operation => {
  return { op: 'upsert', id, embedding: new Array<number>(DIMENSION).fill(by), metadata: { by } };
};
export const idOf = (n: number) => `d-${String(n).padStart(5, '0')}`;

/** Delta n writes a record of its own and one that all write, so that a lost, doubled or misordered delta shows. */
export async function submitNumber(ports: MemoryPorts, ...numbers: number[]): Promise<void> {
  for (const n of numbers) await submit(ports, idOf(n), [upsert(`own-${n}`, n), upsert('shared', n)]);
}

/** A collection at version 1, which holds delta 1, with deltas 2 to 4 waiting. */
export async function waitingPorts(options?: MemoryPortsOptions): Promise<MemoryPorts> {
  const ports = memoryPorts(options);
  await createCollection(ports);
  await submitNumber(ports, 1);
  expect((await run(ports, INPUT)).path.at(-1)).toBe('Compacted');
  await submitNumber(ports, 2, 3, 4);
  return ports;
}

/** Newly applied deltas of every version from the current one back to the first, with what became of them. */
export async function history(ports: MemoryPorts): Promise<Array<{ deltaId: string; outcome: DeltaOutcome }>> {
  const { pointer } = await readPointer(ports, COLLECTION);
  const decided: Array<{ deltaId: string; outcome: DeltaOutcome }> = [];
  for (let ref = pointer.manifest; ; ) {
    const { manifest } = await loadManifest(ports, ref);
    const own = manifest.ledger.filter((entry) => entry.version === manifest.version);
    decided.unshift(...own.map(({ deltaId, outcome }) => ({ deltaId, outcome })));
    if (manifest.parent === null) return decided;
    ref = manifest.parent;
  }
}

/**
 * Every delta, by number, is decided exactly once in the ancestry, has its status, has left the inbox; the records are
 * what the applied ones say; nobody holds lock or claim. `rejected` deltas are decided, but not in the records.
 */
export async function expectSettled(ports: MemoryPorts, numbers: number[], rejected: number[] = []): Promise<void> {
  const decided = await history(ports);
  const expected = [...numbers.map((n) => `${idOf(n)} applied`), ...rejected.map((n) => `${idOf(n)} rejected`)];
  expect(decided.map(({ deltaId, outcome }) => `${deltaId} ${outcome}`).sort()).toEqual(expected.sort());
  const statuses = ports.table.items().statuses.get(COLLECTION) ?? new Map();
  expect([...statuses].map(([deltaId, { outcome }]) => `${deltaId} ${outcome}`).sort()).toEqual(expected);
  expect(inbox(ports)).toEqual([]);
  const all = await records(ports);
  expect([...all.keys()].sort()).toEqual([...numbers.map((n) => `own-${n}`), 'shared'].sort());
  expect(all.get('shared')?.metadata).toEqual({ by: Math.max(...numbers) });
  expectNothingHeld(ports);
}

export function expectNothingHeld(ports: MemoryPorts): void {
  const item = ports.table.items().locks.get(COLLECTION);
  const now = ports.clock.now();
  expect({ isFree: isLockFree(item, 'nobody', now), isClaimed: isClaimLive(item, now) }).toEqual({
    isFree: true,
    isClaimed: false,
  });
}

export function inbox(ports: MemoryPorts): string[] {
  return [...ports.store.snapshot().keys()].filter((key) => key.startsWith(inboxPrefix(COLLECTION)));
}

/** What a garbage collection does to the pointer: another ETag, no commit. */
export async function fence(ports: MemoryPorts): Promise<void> {
  const { pointer, etag } = await readPointer(ports, COLLECTION);
  const next = encodePointer({ ...pointer, fence: pointer.fence + 1, fencedBy: `gc-${pointer.fence + 1}` });
  await ports.store.putIfMatch(pointerKey(COLLECTION), next, etag);
}

/** Another execution commits what waits, in spite of the lock and the claim: their item is deleted first. */
export async function otherCommits(ports: MemoryPorts): Promise<void> {
  ports.table.deleteLock(COLLECTION);
  const other = await run(ports, INPUT);
  expect(other.path.at(-1)).toBe('Compacted');
}

/** A commit by one whom lock and claim do not stop, and do not know: a zombie, say. */
export async function commitUnseen(ports: MemoryPorts): Promise<void> {
  const other = await run({ ...ports, locks: new MemoryTable() }, INPUT);
  expect(other.path.at(-1)).toBe('Compacted');
}

/** Write over an object, whatever it holds; returns how to put it back. */
export async function overwrite(ports: MemoryPorts, key: string, body: Uint8Array): Promise<() => Promise<void>> {
  const { body: before } = await ports.store.get(key);
  const write = async (bytes: Uint8Array) => {
    await ports.store.putIfMatch(key, bytes, (await ports.store.head(key)).etag);
  };
  await write(body);
  return () => write(before);
}

/**
 * What the stack does around executions: it starts those that steps start, and runs release-abandoned for those that
 * fail, successors included.
 */
export function stack(ports: MemoryPorts, options: RunOptions = {}) {
  const running = new Set<Promise<void>>();
  const runs: Run[] = [];
  /** Of what the stack itself expects, whoever was waiting for it. */
  const failures: unknown[] = [];
  const track = (work: Promise<void>): Promise<void> => {
    running.add(work);
    const done = () => running.delete(work);
    work.then(done, (error: unknown) => {
      done();
      failures.push(error);
    });
    return work;
  };
  const release = async (failed: Run) => {
    const StartSuccessor = async ({ Name, Input }: { Name: string; Input: { collection: string } }) => {
      if ((await ports.executions.start(Name, Input)) === 'started') return { ExecutionArn: Name };
      throw new StateFailure('StepFunctions.ExecutionAlreadyExistsException', 'used before');
    };
    const input = { ...INPUT, execution: failed.arn };
    const released = await run(ports, input, { machine: RELEASE_ABANDONED, handlers: { StartSuccessor } });
    expect(released.path.at(-1)).toBe('Done');
  };
  const execute = async (own: RunOptions) => {
    const ended = await run(ports, INPUT, own);
    runs.push(ended);
    if (ended.status !== 'SUCCEEDED') await release(ended);
  };
  /** Resolves when that execution has ended, and what it left behind is released. */
  const start = (own: RunOptions = options): Promise<void> => track(execute(own));
  ports.executions.onStart = () => {
    start();
  };
  /** Resolves when nothing runs any more, zombies included; all runs of the compaction, in order of their ends. */
  const done = async (): Promise<Run[]> => {
    while (running.size > 0) await Promise.allSettled(running);
    await ports.clock.idle();
    for (const failure of failures) throw failure;
    return runs;
  };
  return { start, done };
}
