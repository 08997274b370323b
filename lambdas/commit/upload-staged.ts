/**
 * Uploads pack and manifest of a sealed commit from staging to the store, under keys that only this commit uses, and
 * validates them.
 */
import type { Merge } from '../../statemachine/contract.ts';
import { both } from '../concurrency/both.ts';
import { CorruptObjectError, StagingLostError } from '../errors/errors.ts';
import { createOnce } from '../objects/create-once.ts';
import type { Ports, StreamBody } from '../ports.ts';
import { sha256 } from '../snapshot/blocks.ts';
import { decodeManifest } from '../snapshot/manifest.ts';
import { STAGED } from './seal-commit.ts';

/** What was staged, and the digest that its bytes must have. */
export type StagedCommit = Pick<Merge, 'commitId' | 'manifest' | 'pack'>;

/**
 * Upload the pack, then the manifest; then check both in the store. @throws StagingLostError, KeyCollisionError,
 * CorruptObjectError, StoreUnavailableError
 */
export async function uploadStaged(ports: Ports, collection: string, staged: StagedCommit): Promise<void> {
  await uploadPack(ports, collection, staged);
  await both(checkPack(ports, staged), uploadManifest(ports, collection, staged));
}

async function uploadManifest(ports: Ports, collection: string, staged: StagedCommit): Promise<void> {
  const manifest = await readAll(await ports.cache.openStaged(collection, staged.commitId, STAGED.manifest));
  if (sha256(manifest) !== staged.manifest.sha256) throw lost(staged, STAGED.manifest);
  await createOnce(ports, staged.manifest.key, manifest, staged.manifest.sha256);
  const { body } = await ports.store.get(staged.manifest.key);
  decodeManifest(staged.manifest.key, body, staged.manifest.sha256);
}

/** Stored bytes that a commit adds. */
export function uploadedBytes(merge: Pick<Merge, 'manifestBytes' | 'pack'>): number {
  return merge.manifestBytes + (merge.pack?.size ?? 0);
}

async function uploadPack(ports: Ports, collection: string, merge: StagedCommit): Promise<void> {
  const { commitId, pack } = merge;
  if (pack === null) return;
  const body = await ports.cache.openStaged(collection, commitId, STAGED.pack);
  if (body.size !== pack.size) throw new StagingLostError(`The staged pack of ${commitId} is cut short. Plan again.`);
  // The store checks the bytes that it receives against this SHA-256.
  await createOnce(ports, pack.key, body, pack.sha256).catch((error) => {
    throw error instanceof CorruptObjectError ? lost(merge, STAGED.pack, error) : error;
  });
}

/** Check that it exists with its whole size; the store verified the content when it received it. */
async function checkPack(ports: Ports, { pack }: StagedCommit): Promise<void> {
  if (pack === null) return;
  const { size } = await ports.store.head(pack.key);
  if (size !== pack.size) {
    throw new CorruptObjectError(`Pack "${pack.key}" has ${size} bytes in the store, not ${pack.size}. Plan again.`);
  }
}

async function readAll(body: StreamBody): Promise<Uint8Array> {
  const whole = new Uint8Array(body.size);
  let size = 0;
  for await (const chunk of body.stream()) {
    whole.set(chunk, size);
    size += chunk.length;
  }
  return whole.subarray(0, size);
}

function lost(merge: StagedCommit, name: string, cause?: unknown): StagingLostError {
  return new StagingLostError(`The staged ${name} of ${merge.commitId} is damaged. Plan and merge again.`, { cause });
}
