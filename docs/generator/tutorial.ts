/** docs/tutorial.md, followed in a fresh copy of this checkout, as its reader does. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isInstalled, linkInstalled } from './link-installed.ts';
import { openTerminal } from './terminal.ts';
import { type Step, type WalkOptions, walk } from './walkthrough.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const TUTORIAL = join(ROOT, 'docs/tutorial.md');

/** @throws Error when a step fails */
export async function followTutorial(): Promise<{ markdown: string; steps: Step[] }> {
  const markdown = await readFile(TUTORIAL, 'utf8');
  const checkout = await realpath(await mkdtemp(join(tmpdir(), 'compactor-tutorial-')));
  const ports = { 4599: await freePorts(3), 8000: await freePorts(1) };
  // What this checkout was installed from is in npm's cache.
  const terminal = openTerminal(checkout, { COMPACTOR_PORT: String(ports[4599]), npm_config_prefer_offline: 'true' });
  try {
    await copyCheckout(checkout);
    const insteadOf: WalkOptions['insteadOf'] = (await isInstalled(ROOT))
      ? { 'npm ci': () => linkInstalled(ROOT, checkout) }
      : {};
    return { markdown, steps: await walk(markdown, terminal, { ports, insteadOf }) };
  } finally {
    await terminal.close();
    await rm(checkout, { recursive: true, force: true });
  }
}

/** The page with what was printed, wherever it says something else. */
export function corrected(markdown: string, steps: readonly Step[]): string {
  const wrong = steps.filter(({ printed, expected }) => printed !== expected);
  return wrong.reduceRight(
    (text, { from, to, output }) => `${text.slice(0, from)}${output.trimEnd()}\n${text.slice(to)}`,
    markdown,
  );
}

/** What git tracks or would track: no installed packages, no data. */
async function copyCheckout(target: string): Promise<void> {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
  for (const path of listed.toString().split('\0').filter(Boolean)) {
    await cp(join(ROOT, path), join(target, path)).catch((error: NodeJS.ErrnoException) => {
      // Deleted in the work tree, not yet in the index.
      if (error.code !== 'ENOENT') throw error;
    });
  }
}

/** The last of so many free ports in a row: the local stack has DynamoDB and S3 on the two below its own. */
async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = await tryPort(0);
    const ports = Array.from({ length: count }, (_, i) => (first ?? 0) + i);
    const free = await Promise.all(ports.map(tryPort));
    if (free.every((port) => port !== undefined)) return ports.at(-1) ?? 0;
  }
}

/** @param port 0: any @returns the port if it was free, and is again */
async function tryPort(port: number): Promise<number | undefined> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  } catch {
    return undefined;
  } finally {
    server.close();
    if (server.listening) await once(server, 'close');
  }
}
