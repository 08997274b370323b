/** Bugs of garbage collection. */
import type { Ports } from '../../../lambdas/ports.ts';
import { encodePointer, type Pointer } from '../../../lambdas/protocol/pointer.ts';
import { fencedPointer, oldestRetained, sortListed } from '../../../lambdas/protocol/retention.ts';
import { manifestsPrefix, packsPrefix, pointerKey } from '../../../lambdas/snapshot/keys.ts';
import { reachableKeys, walkRetained } from '../../../lambdas/steps/reachability.ts';
import { readOwnPointer } from '../../../lambdas/steps/read-pointer.ts';
import { listCollections } from '../../../lambdas/steps/sweep-collections.ts';
import type { Plant } from './plant.ts';

const WHEN_COLLECTING = { garbageRuns: 3, retainVersions: 1, stall: 0.02, slowestStallMs: 10_000 } as const;

/** What the pointer does not reach is deleted, and swaps on their way are not stopped. */
export function unfencedCollection(): Plant {
  const collect = async (ports: Ports, collection: string) => {
    const listed = await listAll(ports, collection);
    const { pointer } = await readOwnPointer(ports, collection);
    await deleteUnreachable(ports, pointer, listed);
  };
  return { steps: { CollectGarbage: ({ ports }) => eachCollection(ports, collect) }, profile: WHEN_COLLECTING };
}

/** The fence comes first, and what is uploaded behind it counts as garbage. */
export function listedAfterFence(): Plant {
  const collect = async (ports: Ports, collection: string) => {
    const { pointer, etag } = await readOwnPointer(ports, collection);
    const versions = await walkRetained(ports, pointer, new Map());
    const retainedFrom = oldestRetained(versions, pointer.retainedFrom, ports.settings, ports.clock.now());
    const fenced = fencedPointer(pointer, ports.ids.commitId(), retainedFrom);
    await ports.store.putIfMatch(pointerKey(collection), encodePointer(fenced), etag);
    await deleteUnreachable(ports, fenced, await listAll(ports, collection));
  };
  return { steps: { CollectGarbage: ({ ports }) => eachCollection(ports, collect) }, profile: WHEN_COLLECTING };
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
  const versions = await walkRetained(ports, pointer, new Map());
  for (const { key } of sortListed(listed, reachableKeys(versions, pointer.retainedFrom)).garbage) {
    await ports.store.delete(key);
  }
}
