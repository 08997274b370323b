/** The current version, for writers. */
import { both } from '../concurrency/both.ts';
import { CorruptObjectError, PointerMovedError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import type { Pointer, ReadPointer } from '../protocol/pointer.ts';
import { type LoadedManifest, loadManifest } from './load-manifest.ts';
import { readOwnPointer } from './own-pointer.ts';
import { whileCurrent } from './while-current.ts';

export interface CurrentVersion extends ReadPointer, LoadedManifest {}

/**
 * Reads from the store alone: the functions that plan and settle mount no cache, since a mount would not pay off when
 * there is nothing to do. If the pointer moves between the two reads and garbage collection deletes the manifest, the
 * pointer is read again instead of reporting damage.
 * @throws CorruptObjectError, and what `readOwnPointer` throws
 */
export async function loadCurrent(
  ports: Pick<Ports, 'store' | 'statuses'>,
  collection: string,
): Promise<CurrentVersion> {
  const [current] = await loadCurrentBeside(ports, collection, async () => {});
  return current;
}

/**
 * The same, while reading something else that must be read after the pointer. It need not wait for the manifest: the
 * pointer alone determines what that says.
 * @param read Called again when the pointer is read again. Its errors pass through.
 */
export async function loadCurrentBeside<Result>(
  ports: Pick<Ports, 'store' | 'statuses'>,
  collection: string,
  read: () => Promise<Result>,
): Promise<[CurrentVersion, Result]> {
  for (;;) {
    const { pointer, etag } = await readOwnPointer(ports, collection);
    try {
      return await whileCurrent(ports, collection, etag, async () => {
        const [loaded, result] = await both(loadManifest({ store: ports.store }, pointer.manifest), read());
        checkIdentity(pointer, loaded);
        return [{ pointer, etag, ...loaded }, result];
      });
    } catch (error) {
      if (!(error instanceof PointerMovedError)) throw error;
    }
  }
}

/** Check that this is the manifest that the pointer names. @throws CorruptObjectError */
export function checkIdentity(pointer: Pointer, { ref, manifest }: LoadedManifest): void {
  const { collection, version, commitId } = manifest;
  if (collection === pointer.collection && version === pointer.version && commitId === pointer.commitId) return;
  throw new CorruptObjectError(
    `Manifest "${ref.key}" is version ${version} of "${collection}" by commit ${commitId}; the pointer of ` +
      `"${pointer.collection}" means version ${pointer.version} by ${pointer.commitId}. Restore the pointer.`,
  );
}
