/** Whole directories, as the predecessor moves them: between EFS and the local disk, and to the store and back. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, readdir, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { mapLimit } from '../../lambdas/concurrency/map-limit.ts';
import type { ObjectStore } from '../../lambdas/ports.ts';
import type { Meter } from '../network/meter.ts';
import type { Network } from '../network/network.ts';

const PARALLEL_FILES = 8;
const PARALLEL_RANGES = 8;
const RANGE = 8 * 1024 * 1024;

export interface TreeFile {
  path: string;
  size: number;
}

export async function listTree(root: string): Promise<TreeFile[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.map(async (file) => ({ path: relative(root, file), size: (await stat(file)).size })));
}

/** Copy every file, in parallel: one latency of EFS for each, and its bytes over the shared link. */
export async function copyTree(
  from: string,
  to: string,
  direction: 'from-cache' | 'to-cache',
  { network, meter }: { network: Network; meter: Meter },
): Promise<void> {
  const count = direction === 'from-cache' ? 'cacheBytesRead' : 'cacheBytesWritten';
  await mkdir(to, { recursive: true });
  await mapLimit(await listTree(from), PARALLEL_FILES, async ({ path, size }) => {
    meter.count('cacheRequests');
    meter.count(count, size);
    await network.wait(network.model.cacheMs);
    await mkdir(dirname(join(to, path)), { recursive: true });
    const { cache, timer } = network;
    const across = async () => {
      await cache.transfer(size, timer.now());
    };
    await network.upload(across, () => copyFile(join(from, path), join(to, path)));
  });
}

/** Upload every file in parallel, hashed on the way. Returns the hex SHA-256 by path. */
export async function uploadTree(store: ObjectStore, from: string, prefix: string): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  await mapLimit(await listTree(from), PARALLEL_FILES, async ({ path, size }) => {
    const hash = createHash('sha256');
    async function* stream() {
      for await (const chunk of createReadStream(join(from, path), { highWaterMark: 1024 * 1024 })) {
        hash.update(chunk as Uint8Array);
        yield chunk as Uint8Array;
      }
    }
    await store.putIfAbsent(`${prefix}${path}`, { size, stream });
    digests.set(path, hash.digest('hex'));
  });
  return digests;
}

/** Read every file back by parallel ranges. `use` gets the ranges of a file in their order. */
async function downloadTree(
  store: ObjectStore,
  prefix: string,
  files: readonly TreeFile[],
  use: (path: string, bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const ranges = files.flatMap(({ path, size }) =>
    Array.from({ length: Math.max(1, Math.ceil(size / RANGE)) }, (_, n) => {
      return { path, size, start: n * RANGE, end: Math.min(size, (n + 1) * RANGE) };
    }),
  );
  // Ranges arrive in any order and are used in file order: each waits for the one before it.
  const used = new Map<string, Promise<void>>();
  await mapLimit(ranges, PARALLEL_RANGES, async ({ path, size, start, end }) => {
    const before = used.get(path) ?? Promise.resolve();
    const work = async () => {
      const body =
        size === 0 ? new Uint8Array() : (await store.get(`${prefix}${path}`, { range: { start, end } })).body;
      await before;
      await use(path, body);
    };
    const done = work();
    used.set(path, done);
    await done;
  });
}

/** @throws Error (a file in the store is not what was uploaded) */
export async function validateTree(
  store: ObjectStore,
  prefix: string,
  files: readonly TreeFile[],
  digests: ReadonlyMap<string, string>,
): Promise<void> {
  const hashes = new Map(files.map(({ path }) => [path, createHash('sha256')]));
  await downloadTree(store, prefix, files, async (path, bytes) => {
    hashes.get(path)?.update(bytes);
  });
  for (const [path, hash] of hashes) {
    if (hash.digest('hex') !== digests.get(path)) throw new Error(`"${prefix}${path}" is not what was uploaded`);
  }
}

/** Download into a local folder. */
export async function fetchTree(
  store: ObjectStore,
  prefix: string,
  files: readonly TreeFile[],
  to: string,
): Promise<void> {
  for (const { path } of files) await mkdir(dirname(join(to, path)), { recursive: true });
  const handles = new Map(
    await Promise.all(files.map(async ({ path }) => [path, await open(join(to, path), 'w')] as const)),
  );
  try {
    await downloadTree(store, prefix, files, async (path, bytes) => {
      await handles.get(path)?.appendFile(bytes);
    });
  } finally {
    for (const handle of handles.values()) await handle.close();
  }
}
