import type { WorkingDirectory } from '../ports.ts';
import type { DirectoryDigests } from '../snapshot/blocks.ts';
import { changedRuns } from '../snapshot/changes.ts';
import type { ScannedFile } from '../snapshot/commit.ts';

/**
 * Compare every file of a closed directory with its base. Files that provably have not been touched since are not read.
 * @param base Digests of the files as they were when the directory's marker was removed.
 */
export async function scan(directory: WorkingDirectory, base: DirectoryDigests): Promise<ScannedFile[]> {
  const files: ScannedFile[] = [];
  const untouched = await directory.untouched();
  for (const { path, size } of await directory.list()) {
    const known = base.files.get(path);
    if (known?.size === size && untouched.has(path)) files.push({ path, digests: known, changed: [] });
    else {
      const digests = await directory.digest(path);
      files.push({ path, digests, changed: changedRuns(known, digests) });
    }
  }
  return files;
}
