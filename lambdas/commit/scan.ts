import type { WorkingDirectory } from '../ports.ts';
import type { DirectoryDigests } from '../snapshot/blocks.ts';
import { changedRuns } from '../snapshot/changes.ts';
import type { ScannedFile } from '../snapshot/commit.ts';

/**
 * Every file of a closed directory beside its base. Files untouched since they were the base are not read.
 * @param base Of the files as they were when the directory's marker was taken away.
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
