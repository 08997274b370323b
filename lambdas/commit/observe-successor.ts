import { InvariantViolatedError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import type { ReadPointer } from '../protocol/pointer.ts';
import type { ObservedPointer } from '../protocol/swap.ts';
import type { ManifestRef } from '../snapshot/manifest.ts';
import { loadManifest } from '../versions/load-manifest.ts';
import { walkAncestry } from '../versions/walk-ancestry.ts';

/**
 * The pointer as `judgeSwap` wants it: which commit stands at `baseVersion` + 1 in its ancestry. Walks from manifest to
 * parent, each verified by its child, and never below `retainedFrom`. Reads the store alone, since the function that
 * swaps mounts no cache.
 */
export async function observeSuccessor(
  { store }: Pick<Ports, 'store'>,
  { pointer, etag }: ReadPointer,
  baseVersion: number,
): Promise<ObservedPointer> {
  const wanted = baseVersion + 1;
  const observed = (successor: ObservedPointer['successor']) => ({ version: pointer.version, etag, successor });
  if (pointer.version < baseVersion) {
    throw new InvariantViolatedError(
      `The pointer of "${pointer.collection}" fell from version ${baseVersion} to ${pointer.version}. Stop all ` +
        'writers and compare it with its bucket versions.',
    );
  }
  if (pointer.version === baseVersion) return observed('none');
  if (pointer.version === wanted) return observed({ commitId: pointer.commitId });
  const { collection, manifest: newest, retainedFrom } = pointer;
  const load = (ref: ManifestRef) => loadManifest({ store }, ref);
  for await (const { manifest } of walkAncestry(collection, await load(newest), Math.max(wanted, retainedFrom), load)) {
    const found = manifest.ancestry.find((ancestor) => ancestor.version === wanted);
    if (found !== undefined) return observed({ commitId: found.commitId });
  }
  return observed('unknown');
}
