/** What a reader of results must know to repeat the run. */
import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { z } from 'zod';
import { locateEngine } from '../lambdas/adapters/chroma/locator.ts';

/** What every document says of the run that it comes from. */
export const runDescription = z.object({
  date: z.iso.datetime(),
  commit: z.string(),
  command: z.string(),
  machine: z.string(),
  node: z.string(),
  engine: z.string(),
  seconds: z.number().nonnegative(),
});

/** What is known of it when it begins. */
type Beginning = Omit<z.infer<typeof runDescription>, 'command' | 'seconds'>;

/**
 * @param root of the checkout
 * @param started in milliseconds since 1970
 */
export async function describeRun(root: string, started: number): Promise<Beginning> {
  const [cpu] = cpus();
  const { name, version } = (await locateEngine()).identity;
  return {
    date: new Date(started).toISOString(),
    commit: commitOf(root),
    machine: `${cpus().length} x ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.versions.node,
    engine: `${name} ${version}`,
  };
}

/** Of the checkout, with a word on changes that are not committed. */
export function commitOf(root: string): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : ' with local changes';
  return `${git('rev-parse', '--short=12', 'HEAD')}${changed}`;
}

/** The command as one types it, without the options that only say how results are shown. */
export function commandOf(script: string, flags: ReadonlyArray<string | false | undefined>): string {
  const given = flags.filter(Boolean).join(' ');
  return `npm run ${script}${given === '' ? '' : ` -- ${given}`}`;
}
