/** Manifests, verified against the reference that names them. */

import { CorruptObjectError, ObjectNotFoundError } from '../errors/errors.ts';
import { readBounded } from '../objects/read-bounded.ts';
import { sha256 } from '../snapshot/blocks.ts';
import { decodeManifest, MAX_MANIFEST_BYTES, type Manifest, type ManifestRef } from '../snapshot/manifest.ts';
import type { FetchPorts } from './fetch-frames.ts';

/** Manifests are only read, so a cache needs no other method and may be absent. */
export type ReadPorts = Pick<FetchPorts, 'store'> & Partial<Pick<FetchPorts, 'cache'>>;

/** A manifest, the reference to it, and its stored bytes. */
export interface LoadedManifest {
  ref: ManifestRef;
  manifest: Manifest;
  bytes: Uint8Array;
}

/**
 * Load a manifest by the reference in its pointer or child; from the cache if the copy there is intact.
 * @throws CorruptObjectError (also when it is missing: something refers to it)
 */
export async function loadManifest(ports: ReadPorts, ref: ManifestRef): Promise<LoadedManifest> {
  const bytes = await readManifestBytes(ports, ref);
  return { ref, bytes, manifest: decodeManifest(ref.key, bytes, ref.sha256) };
}

async function readManifestBytes(ports: ReadPorts, ref: ManifestRef): Promise<Uint8Array> {
  const { cache } = ports;
  const cached = await cache?.read(ref.key);
  if (cached !== undefined && sha256(cached) === ref.sha256) return cached;
  if (cached !== undefined) await cache?.evict(ref.key);
  try {
    return (await readBounded(ports, ref.key, MAX_MANIFEST_BYTES)).body;
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError)) throw error;
    throw new CorruptObjectError(
      `Manifest "${ref.key}" is missing although it is referred to. Restore it from a bucket version.`,
      { cause: error },
    );
  }
}
