/** What only files can do: changes behind the owner's back, strangers, killed owners, too many slots. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFile,
  chmod,
  mkdir,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { REST_MS, stampFiles, untouchedSince } from '../../lambdas/adapters/files/file-stamps.ts';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { DirtyDirectoryError } from '../../lambdas/errors/errors.ts';
import { digests, fileHarness, marker } from './working-directory-harness.ts';

describe('working directories on a disk', () => {
  let h: Awaited<ReturnType<typeof fileHarness>>;
  const children: ChildProcess[] = [];
  beforeEach(async () => {
    h = await fileHarness();
  });
  afterEach(async () => {
    for (const child of children.splice(0)) await kill(child);
    await h.dispose();
  });

  it('keeps marker and digests out of the data', async () => {
    const directory = await h.directories.claim('books');
    await directory.writeDigests(digests);
    await directory.markClean(marker);
    expect(await readdir(directory.path)).toEqual([]);
  });

  it('sees every way in which a file can change behind its back', async () => {
    // Prepare: eight equal files at rest.
    const directory = await h.directories.claim('books');
    const at = (path: string) => join(directory.path, path);
    const paths = ['append', 'backdated', 'chmod', 'kept', 'replaced', 'same', 'truncated', 'unlinked'];
    for (const path of paths) await writeFile(at(path), 'content');
    const before = await stat(at('backdated'));
    expect(await stampFiles(directory.path, paths)).toEqual(new Map());
    await setTimeout(REST_MS + 1);
    const stamps = await stampFiles(directory.path, paths);
    expect([...stamps.keys()]).toEqual(paths);

    // Act: the same bytes written again, and the modification time set back, among them.
    await appendFile(at('append'), '!');
    await writeFile(at('backdated'), 'CONTENT');
    await utimes(at('backdated'), before.atime, before.mtime);
    await chmod(at('chmod'), 0o600);
    await writeFile(at('other'), 'content');
    await rename(at('other'), at('replaced'));
    await writeFile(at('same'), 'content');
    await truncate(at('truncated'), 3);
    await rm(at('unlinked'));

    // Assess
    expect(await untouchedSince(directory.path, stamps)).toEqual(new Set(['kept']));
  });

  it('names a stranger instead of following it, and can remove it', async () => {
    const directory = await h.directories.claim('books');
    await mkdir(join(directory.path, 'segment'));
    await symlink('/etc/passwd', join(directory.path, 'segment/link'));
    await expect(directory.list()).rejects.toThrow(DirtyDirectoryError);
    await expect(directory.list()).rejects.toThrow('segment/link');
    await expect(directory.markClean(marker)).rejects.toThrow(DirtyDirectoryError);
    await directory.remove('segment/link');
    expect(await directory.list()).toEqual([]);
  });

  it('takes a damaged marker for none', async () => {
    const directory = await h.directories.claim('books');
    for (const content of ['', '{"manifestKey":', 'null', '{"manifestKey":"k"}']) {
      await writeFile(join(dirname(directory.path), 'clean.json'), content);
      expect(await directory.readMarker()).toBeUndefined();
    }
  });

  it('tidies up what a crash left beside the data', async () => {
    const before = await h.directories.claim('books');
    const slot = dirname(before.path);
    await before.markClean(marker);
    await writeFile(join(slot, 'digests.bin.1.tmp'), 'half');
    await before.release();
    await h.directories.claim('books');
    expect(await readdir(slot)).toEqual(['clean.json', 'data']);
  });

  it.each(['clean', 'dirty'])('frees the slot of a killed process, which stays %s', async (state) => {
    // Prepare: another process claims the clean slot and, for one case, starts to change it.
    const before = await h.directories.claim('books');
    await before.writeDigests(digests);
    await before.markClean(marker);
    await before.release();
    const child = await claimElsewhere(h.root, state === 'dirty');
    expect(child.path).toBe(before.path);

    // Act and assess: alive it keeps the slot, dead it does not.
    const meanwhile = await h.directories.claim('books');
    expect(meanwhile.path).not.toBe(before.path);
    await kill(child.process);
    const after = await h.directories.claim('books');
    expect(after.path).toBe(before.path);
    expect(await after.readMarker()).toEqual(state === 'clean' ? marker : undefined);
    expect(await after.readDigests()).toEqual(digests);
  });

  it('removes the least recently used idle slots beyond the limit, never an owned one', async () => {
    const directories = new FileWorkingDirectories({ root: h.root, maxSlots: 2 });
    const owned = await directories.claim('owned');
    const idle = await directories.claim('idle');
    await idle.markClean(marker);
    await idle.release();
    const third = await directories.claim('third');
    const fourth = await directories.claim('fourth');

    expect(await readdir(join(h.root, 'idle'))).toEqual(['0.lock']);
    for (const directory of [owned, third, fourth]) expect(await directory.list()).toEqual([]);
    expect(await (await directories.claim('idle')).readMarker()).toBeUndefined();
  });

  it('gives another process none of several that this one owns', async () => {
    const directories = new FileWorkingDirectories({ root: h.root });
    const own = [await directories.claim('books'), await directories.claim('books')];

    const elsewhere = await claimElsewhere(h.root, false);

    expect(own.map(({ path }) => path)).not.toContain(elsewhere.path);
    for (const directory of own) await directory.release();
  });

  /** A process that claims `books` and then waits to be killed. */
  async function claimElsewhere(root: string, dirty: boolean): Promise<{ process: ChildProcess; path: string }> {
    const module = pathToFileURL(
      fileURLToPath(import.meta.resolve('../../lambdas/adapters/files/working-directories.ts')),
    );
    const program = `
      const { FileWorkingDirectories } = await import(${JSON.stringify(module.href)});
      const directory = await new FileWorkingDirectories({ root: ${JSON.stringify(root)} }).claim('books');
      if (${dirty}) { await directory.markDirty(); await directory.writeAt('half', 0, Buffer.from('half')); }
      process.stdout.write(directory.path);
      setInterval(() => {}, 60_000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    const errors: Buffer[] = [];
    child.stderr.on('data', (chunk) => errors.push(chunk));
    const [path] = await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(() => Promise.reject(new Error(Buffer.concat(errors).toString()))),
    ]);
    return { process: child, path: String(path) };
  }
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
