/**
 * Commits made by hand, in the steps that matter to garbage collection: planned on a pointer, uploaded, swapped.
 * Each has a pack of its own and needs some of its base's; no engine, no lock, no inbox.
 */

import { PreconditionFailedError } from '../../lambdas/errors/errors.ts';
import type { Ports } from '../../lambdas/ports.ts';
import { encodePointer, type ReadPointer } from '../../lambdas/protocol/pointer.ts';
import { sha256 } from '../../lambdas/snapshot/blocks.ts';
import { manifestKey, manifestsPrefix, packKey, packsPrefix, pointerKey } from '../../lambdas/snapshot/keys.ts';
import { childAncestry, encodeManifest, type Manifest, type Pack } from '../../lambdas/snapshot/manifest.ts';
import { loadManifest } from '../../lambdas/versions/load-manifest.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { findVersion, walkVersions } from '../../lambdas/versions/walk-versions.ts';
import { COLLECTION, type MemoryPorts } from '../support/memory-ports.ts';

export interface Prepared {
  base: ReadPointer;
  commitId: string;
  manifest: Manifest;
  ref: { key: string; sha256: string };
  bytes: Uint8Array;
  pack: Pack;
  packBytes: Uint8Array;
}

/**
 * Seal a commit on the pointer as it is now. Nothing is uploaded yet.
 * @param inherit Which of the base's packs are needed still, by index; all by default.
 * @param from Version whose packs are taken instead of the base's: a rollback.
 */
export async function prepare(
  ports: Ports,
  { inherit = () => true, from }: { inherit?: (index: number) => boolean; from?: number } = {},
): Promise<Prepared> {
  const base = await readPointer(ports, COLLECTION);
  const { manifest: parent, ref } = await loadManifest(ports, base.pointer.manifest);
  const source = from === undefined ? parent : (await findVersion(ports, COLLECTION, from)).manifest;
  const commitId = ports.ids.ulid();
  const packBytes = Buffer.from(`pack of ${commitId}`);
  const size = packBytes.length;
  const pack = { key: packKey(COLLECTION, commitId, 0), size, rawSize: size, sha256: sha256(packBytes) };
  const version = parent.version + 1;
  const manifest: Manifest = {
    ...parent,
    ...{ version, commitId, parent: ref, ancestry: childAncestry(parent) },
    packs: [...source.packs.filter((_, index) => inherit(index)), pack],
  };
  const { bytes, sha256: digest } = encodeManifest(manifest);
  const key = manifestKey(COLLECTION, version, commitId);
  return { base, commitId, manifest, ref: { key, sha256: digest }, bytes, pack, packBytes };
}

/** The pack, then the manifest. */
export async function upload(ports: Ports, { pack, packBytes, ref, bytes }: Prepared): Promise<void> {
  await ports.store.putIfAbsent(pack.key, packBytes);
  await ports.store.putIfAbsent(ref.key, bytes);
}

/** Publish what was uploaded. False: the pointer is no longer the planned one. */
export async function swap(ports: Ports, { base, commitId, manifest, ref }: Prepared): Promise<boolean> {
  const { pointer, etag } = base;
  const next = { ...pointer, version: manifest.version, commitId, manifest: ref, token: pointer.token + 1 };
  try {
    await ports.store.putIfMatch(pointerKey(COLLECTION), encodePointer(next), etag);
    return true;
  } catch (error) {
    if (error instanceof PreconditionFailedError) return false;
    throw error;
  }
}

/** So many commits, one after the other; of the base's packs each needs only the last. */
export async function commit(ports: Ports, count = 1): Promise<Prepared[]> {
  const made: Prepared[] = [];
  for (let n = 0; n < count; n++) {
    const parent = made.at(-1)?.manifest.packs.length ?? 0;
    const prepared = await prepare(ports, { inherit: (index) => index >= parent - 1 });
    await upload(ports, prepared);
    if (!(await swap(ports, prepared))) throw new Error('The pointer moved under a single writer.');
    made.push(prepared);
  }
  return made;
}

/** Keys of all manifests and packs in the store. */
export function stored(ports: MemoryPorts, collection = COLLECTION): string[] {
  const prefixes = [manifestsPrefix(collection), packsPrefix(collection)];
  return [...ports.store.snapshot().keys()].filter((key) => prefixes.some((prefix) => key.startsWith(prefix)));
}

/** Keys that the retained versions need, by the readers' own walk. It throws where a manifest is missing. */
export async function needed(ports: Ports): Promise<string[]> {
  const keys = new Set<string>();
  for await (const { ref, manifest } of walkVersions({ store: ports.store, cache: ports.cache }, COLLECTION)) {
    for (const key of [ref.key, ...manifest.packs.map((pack) => pack.key)]) keys.add(key);
  }
  return [...keys].sort();
}

/** Nothing that a retained version needs is missing. */
export async function missing(ports: MemoryPorts): Promise<string[]> {
  const there = new Set(stored(ports));
  return (await needed(ports)).filter((key) => !there.has(key));
}
