/** An empty project, and what `npm pack` makes of a workspace installed into it. */
import { execFile } from 'node:child_process';
import { glob, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MUCH = { maxBuffer: 2 ** 26 };

export interface Project {
  folder: string;
  /** Files of the packed package, below its folder. */
  files: string[];
  /** Run a program in the project. @returns What it prints. */
  run(program: string, ...args: string[]): Promise<string>;
  write(name: string, text: string): Promise<void>;
  /** Mebibytes in node_modules. */
  size(): Promise<number>;
  remove(): Promise<void>;
}

/** @param workspace Its folder, e.g. `lambdas`. */
export async function installPacked(workspace: string): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), 'compactor-package-'));
  const pack = ['pack', '--json', '--workspace', workspace, '--pack-destination', folder];
  const { stdout } = await run('npm', pack, { cwd: ROOT, ...MUCH });
  const packed = Object.values(JSON.parse(stdout.slice(stdout.search(/^[[{]/m)))) as [
    { filename: string; files: Array<{ path: string }> },
  ];
  const [{ filename, files }] = packed;
  await writeFile(join(folder, 'package.json'), '{"name":"empty","private":true,"type":"module"}');
  await run('npm', ['install', '--no-audit', '--no-fund', join(folder, filename)], { cwd: folder, ...MUCH });
  return {
    folder,
    files: files.map(({ path }) => path),
    run: async (program, ...args) => (await run(program, args, { cwd: folder, ...MUCH })).stdout,
    write: (name, text) => writeFile(join(folder, name), text),
    size: () => mebibytes(join(folder, 'node_modules')),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Run a task that needs a Chroma server: where the one that came along does not load, follow the error's own advice once. */
export async function withEngine<Result>(project: Project, task: () => Promise<Result>): Promise<Result> {
  return task().catch(async (error: { stderr?: string }) => {
    const [, advised] = /npm install (\S*chroma\S*@[^\s"]+)/.exec(error.stderr ?? '') ?? [];
    if (advised === undefined) throw error;
    await project.run('npm', 'install', '--no-audit', '--no-fund', advised);
    return task();
  });
}

async function mebibytes(folder: string): Promise<number> {
  let blocks = 0;
  for await (const entry of glob('**', { cwd: folder })) blocks += (await stat(join(folder, entry))).blocks;
  return Math.round((blocks * 512) / 2 ** 20);
}
