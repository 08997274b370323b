/** A rescan beside an engine that starts: what it cannot read whole is damage, and no failure of its own. */
import { expect, it } from 'vitest';
import { DirtyDirectoryError } from '../../lambdas/errors/errors.ts';
import type { WorkingDirectory } from '../../lambdas/ports.ts';
import type { DirectoryDigests } from '../../lambdas/snapshot/blocks.ts';
import { startRescan } from '../../lambdas/versions/rescan.ts';

const digests = { size: 3, blocks: new Uint8Array(32) };
const known: DirectoryDigests = {
  manifestKey: '',
  manifestSha256: '',
  manifest: new Uint8Array(),
  files: new Map([
    ['index', digests],
    ['database', digests],
  ]),
};

function directory(digest: WorkingDirectory['digest']): WorkingDirectory {
  const list = async () => [...known.files].map(([path, { size }]) => ({ path, size }));
  return { list, digest } as unknown as WorkingDirectory;
}

it('finds a directory whole', async () => {
  const { first, all } = await startRescan(
    directory(async () => digests),
    known,
    new Set(['database']),
  );

  expect([await first, await all]).toEqual([true, true]);
});

it('takes a file that is being rewritten for damage', async () => {
  const rewritten = async (path: string) => {
    if (path === 'index') throw new DirtyDirectoryError('"index" cannot be read: it ends at 0.');
    return digests;
  };

  const { first, all } = await startRescan(directory(rewritten), known, new Set(['database']));

  expect([await first, await all]).toEqual([true, false]);
});

it('passes on every other failure', async () => {
  const failing = async () => Promise.reject(new Error('A thread ended.'));

  const { all } = await startRescan(directory(failing), known, new Set(['database']));

  await expect(all).rejects.toThrow('A thread ended.');
});
