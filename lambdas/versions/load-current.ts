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
 * From the store alone: those who plan and settle have no cache mounted, and with nothing to do there is nothing that a
 * mount would be worth. A pointer that moves on between the two reads, with garbage collection behind it, is read again
 * rather than taken for damage.
 * @throws CorruptObjectError, and all of `readOwnPointer`
 */
export async function loadCurrent(
  ports: Pick<Ports, 'store' | 'statuses'>,
  collection: string,
): Promise<CurrentVersion> {
  const [current] = await loadCurrentBeside(ports, collection, async () => {});
  return current;
}

/**
 * The same, and beside the manifest something that has to be read after the pointer. Nothing has to wait for the
 * manifest itself: what it says was settled when the pointer was read.
 * @param read Called again when the pointer is read again; what it throws, this throws.
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

/** Is this the manifest that the pointer means? @throws CorruptObjectError */
export function checkIdentity(pointer: Pointer, { ref, manifest }: LoadedManifest): void {
  const { collection, version, commitId } = manifest;
  if (collection === pointer.collection && version === pointer.version && commitId === pointer.commitId) return;
  throw new CorruptObjectError(
    `Manifest "${ref.key}" is version ${version} of "${collection}" by commit ${commitId}; the pointer of ` +
      `"${pointer.collection}" means version ${pointer.version} by ${pointer.commitId}. Restore the pointer.`,
  );
}
