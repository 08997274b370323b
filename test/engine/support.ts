/** What the engine tests share: the servers to run over, directories, processes, and servers that misbehave. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, vi } from 'vitest';
import type { LocatedEngine } from '../../lambdas/adapters/chroma/locator.ts';
import type { EngineRecord, EngineSession, WorkingDirectory } from '../../lambdas/ports.ts';
import { processesWhere } from '../support/processes.ts';

/** `CHROMA_BIN` as it was when the tests were started. */
export const CHOSEN_BIN = process.env.CHROMA_BIN || undefined;

/** Every server that is here: what the packages bring, and the one that `CHROMA_BIN` names. */
export const SERVERS = [
  { server: 'the installed binding', bin: '' },
  ...(CHOSEN_BIN === undefined ? [] : [{ server: 'CHROMA_BIN', bin: CHOSEN_BIN }]),
];

export interface TestDirectory extends WorkingDirectory {
  /** How often `markDirty` was called. */
  marked(): number;
}

const cleanups: Array<() => Promise<unknown>> = [];

/** Clean up after each test of the file that calls this, in reverse order. */
export function cleanUpAfterEach(): void {
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    vi.unstubAllEnvs();
  });
}

export function onCleanup(task: () => Promise<unknown>): void {
  cleanups.push(task);
}

/** A fresh directory. The engine needs no more of a working directory than its path and `markDirty`. */
export async function makeDirectory(): Promise<TestDirectory> {
  const path = await mkdtemp(join(tmpdir(), 'engine-test-'));
  onCleanup(async () => {
    for (const pid of await processesOn(path)) process.kill(pid, 'SIGKILL');
    await rm(path, { recursive: true, force: true });
  });
  let marked = 0;
  const directory: Partial<TestDirectory> = {
    path,
    marked: () => marked,
    markDirty: async () => void marked++,
    release: async () => {},
  };
  return directory as TestDirectory;
}

/** Processes, zombies aside, on whose command line the path stands. */
export async function processesOn(path: string): Promise<number[]> {
  return (await processesWhere((words) => words.includes(path))).map(({ pid }) => pid);
}

/** Kill the server on a directory as a crash would, and wait until it is gone. */
export async function killServer(path: string): Promise<void> {
  const pids = await processesOn(path);
  if (pids.length === 0) throw new Error(`No server runs on ${path}.`);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await vi.waitUntil(async () => (await processesOn(path)).length === 0, { timeout: 300_000, interval: 10 });
}

/** A program that passes for Chroma: a script of ours behind `run`, with `port` and `path` in scope. */
export async function fakeServer(script: string): Promise<{ bin: string; engine: LocatedEngine }> {
  const folder = await mkdtemp(join(tmpdir(), 'engine-fake-'));
  onCleanup(() => rm(folder, { recursive: true, force: true }));
  const bin = join(folder, 'chroma.cjs');
  const source = `#!${process.execPath}
    if (process.argv.includes('--version')) { console.log('chroma 9.8.7'); process.exit(0); }
    const option = (name) => process.argv[process.argv.indexOf(name) + 1];
    const port = Number(option('--port')), path = option('--path'), folder = ${JSON.stringify(folder)};
    const serve = (answer) => require('node:http').createServer((request, response) => {
      if (request.url.endsWith('/heartbeat')) return response.end('{"nanosecond heartbeat":1}');
      answer?.(request, response);
    }).listen(port, '127.0.0.1');
    ${script}`;
  await writeFile(bin, source);
  await chmod(bin, 0o755);
  const identity = { name: 'chroma', version: '9.8.7', source: bin };
  return { bin, engine: { command: bin, args: [], identity } };
}

/** Records `<prefix>0`, `<prefix>1`, ... of dimension 3, whose embeddings are exact in float32. */
export function makeRecords(count: number, prefix = 'r'): EngineRecord[] {
  return Array.from({ length: count }, (_, n) => ({ id: `${prefix}${n}`, embedding: [n, 1, 0.5] }));
}

export async function useNotes(session: EngineSession, space: 'l2' | 'cosine' | 'ip' = 'l2'): Promise<void> {
  await session.useCollection('notes', { space, dimension: 3 });
}
