/** Bugs of garbage collection. */
import type { Ports } from '../../../lambdas/ports.ts';
import { decodePointer, encodePointer, type Pointer } from '../../../lambdas/protocol/pointer.ts';
import { fencedPointer, oldestRetained, sealingTimes, sortListed } from '../../../lambdas/protocol/retention.ts';
import { runWithPorts } from '../../../lambdas/runtime/handler.ts';
import { manifestsPrefix, packsPrefix, parsePointerKey, pointerKey } from '../../../lambdas/snapshot/keys.ts';
import { loadNewest, reachableKeys, walkRetained } from '../../../lambdas/upkeep/reachability.ts';
import { listCollections } from '../../../lambdas/versions/list-collections.ts';
import { readOwnPointer } from '../../../lambdas/versions/own-pointer.ts';
import type { Plant } from './plant.ts';
import { bend } from './swap.ts';

const WHEN_COLLECTING = {
  garbageRuns: 3,
  retainVersions: 1,
  retainMs: 0,
  stall: 0.02,
  slowestStallMs: 10_000,
} as const;

/** What the pointer does not reach is deleted, and swaps on their way are not stopped. */
export function unfencedCollection(): Plant {
  const collect = async (ports: Ports, collection: string) => {
    const listed = await listAll(ports, collection);
    const { pointer } = await readOwnPointer(ports, collection);
    await deleteUnreachable(ports, pointer, listed);
  };
  return {
    steps: { CollectGarbage: ({ ports }) => eachCollection(ports, collect) },
    profile: WHEN_COLLECTING,
    // It never lets go of a version, either.
    lookFor: /was deleted although|points at something that is not there/,
  };
}

/** The fence comes first, and what is uploaded behind it counts as garbage. */
export function listedAfterFence(): Plant {
  const collect = async (ports: Ports, collection: string) => {
    const { pointer, etag } = await readOwnPointer(ports, collection);
    const { manifest } = await loadNewest(ports, pointer);
    const sealed = sealingTimes([manifest, ...manifest.ancestry], []);
    const retainedFrom = oldestRetained(pointer, sealed, ports.settings, ports.clock.now());
    const fenced = fencedPointer(pointer, ports.ids.ulid(), retainedFrom);
    await ports.store.putIfMatch(pointerKey(collection), encodePointer(fenced), etag);
    await deleteUnreachable(ports, fenced, await listAll(ports, collection));
  };
  return { steps: { CollectGarbage: ({ ports }) => eachCollection(ports, collect) }, profile: WHEN_COLLECTING };
}

/** The age of a version is that of its own seal: what was current for long goes as soon as it is replaced. */
export function countedFromSealing(): Plant {
  const collect = async (ports: Ports, collection: string) => {
    const listed = await listAll(ports, collection);
    const { pointer, etag } = await readOwnPointer(ports, collection);
    const { manifest } = await loadNewest(ports, pointer);
    // As if each had been replaced when it was sealed.
    const sealed = new Map([...sealingTimes([manifest, ...manifest.ancestry], [])].map(([n, ms]) => [n + 1, ms]));
    const retainedFrom = oldestRetained(pointer, sealed, ports.settings, ports.clock.now());
    const fenced = fencedPointer(pointer, ports.ids.ulid(), retainedFrom);
    await ports.store.putIfMatch(pointerKey(collection), encodePointer(fenced), etag);
    await deleteUnreachable(ports, fenced, listed);
  };
  const profile = { ...WHEN_COLLECTING, retainMs: 1_000_000, paceMs: 60_000, deltas: 5, maxDeltasPerCommit: 1 };
  return {
    steps: { CollectGarbage: ({ ports }) => eachCollection(ports, collect) },
    profile,
    lookFor: /are promised, and those below/,
  };
}

async function eachCollection(
  ports: Ports,
  collect: (ports: Ports, collection: string) => Promise<void>,
): Promise<void> {
  for (const collection of await listCollections(ports)) await collect(ports, collection);
}

async function listAll(ports: Ports, collection: string): Promise<Array<{ key: string; size: number }>> {
  const listed: Array<{ key: string; size: number }> = [];
  for (const prefix of [manifestsPrefix(collection), packsPrefix(collection)]) {
    for await (const page of ports.store.list(prefix)) listed.push(...page);
  }
  return listed;
}

async function deleteUnreachable(
  ports: Ports,
  pointer: Pointer,
  listed: Array<{ key: string; size: number }>,
): Promise<void> {
  const head = await loadNewest(ports, pointer);
  const versions = await walkRetained(ports, pointer, head, pointer.retainedFrom, new Map());
  for (const { key } of sortListed(listed, reachableKeys(versions)).garbage) {
    await ports.store.delete(key);
  }
}

/** Whatever is still there can be restored: for the rollback, nothing has ever been given up. */
export function rollbackBelowRetained(): Plant {
  const restore = ({ ports }: { ports: Ports }, input: unknown, real: (input: unknown) => Promise<unknown>) => {
    let retainedFrom = 0;
    const change = (key: string, body: Uint8Array, changes: (pointer: Pointer) => Partial<Pointer>) => {
      const { collection } = parsePointerKey(key) ?? {};
      if (collection === undefined) return body;
      const pointer = decodePointer(key, collection, body);
      return encodePointer({ ...pointer, ...changes(pointer) });
    };
    const forget = (pointer: Pointer) => {
      retainedFrom = pointer.retainedFrom;
      return { retainedFrom: 0 };
    };
    const store = bend(ports.store, {
      get: async (key, options) => {
        const found = await ports.store.get(key, options);
        return { ...found, body: change(key, found.body, forget) };
      },
      putIfMatch: (key, body, etag) =>
        ports.store.putIfMatch(
          key,
          change(key, body, () => ({ retainedFrom })),
          etag,
        ),
    });
    return runWithPorts({ ...ports, store }, () => real(input));
  };
  const profile = { ...WHEN_COLLECTING, deltas: 5, maxDeltasPerCommit: 1, rollbacks: 4, stall: 0.05 };
  return { steps: { Rollback: restore }, profile };
}
