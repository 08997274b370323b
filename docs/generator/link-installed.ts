/** What `npm ci` makes of a lock file, in seconds instead of a minute, where it has been made already. */
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';

const run = promisify(execFile);
const NPMS_OWN = ['.bin', '.package-lock.json'];

interface Lock {
  packages: Record<string, { integrity?: string; version?: string; optional?: boolean }>;
}

/**
 * Are the packages of this checkout just those of its lock file, by their digests? Optional ones may be missing: they
 * are for other platforms. npm notes in `node_modules/.package-lock.json` what it has installed.
 */
export async function isInstalled(root: string): Promise<boolean> {
  const [wanted, installed] = await Promise.all(
    ['package-lock.json', 'node_modules/.package-lock.json'].map(async (path): Promise<Lock['packages']> => {
      const text = await readFile(join(root, path), 'utf8').catch(() => '{"packages":{}}');
      return (JSON.parse(text) as Lock).packages;
    }),
  );
  const names = Object.keys({ ...wanted, ...installed }).filter((name) => name.startsWith('node_modules/'));
  const isSame = (name: string) => {
    const [here, there] = [wanted?.[name], installed?.[name]];
    if (there === undefined) return here?.optional === true;
    return isDeepStrictEqual([here?.version, here?.integrity], [there.version, there.integrity]);
  };
  return names.length > 0 && names.every(isSame);
}

/** The installed packages of one checkout in another, by hard links where both are on one disk. */
export async function linkInstalled(from: string, to: string): Promise<void> {
  const [source, target] = [join(from, 'node_modules'), join(to, 'node_modules')];
  // What other tools keep there is not npm's.
  const names = (await readdir(source)).filter((name) => !name.startsWith('.') || NPMS_OWN.includes(name));
  const copy = async (...how: string[]) => {
    await mkdir(target);
    await run('cp', ['--archive', ...how, ...names.map((name) => join(source, name)), target]);
  };
  await copy('--link').catch(async () => {
    await rm(target, { recursive: true, force: true });
    await copy();
  });
}
