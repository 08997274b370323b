/**
 * `npm run docs`: writes docs/reference/ from the code, and what the commands of docs/tutorial.md print. With names of jobs,
 * `npm run docs -- reference`, only those.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Argument } from 'commander';
import { CONTEXT_PREFIX, parseDeploymentConfig } from '../../cdk/parse-settings.ts';
import { CompactorStack } from '../../cdk/stack.ts';
import { script } from '../../local/script.ts';
import { apiPage } from './api.ts';
import { cliPage, playStory } from './cli.ts';
import type { Template as TemplateText } from './metrics.ts';
import { referencePages } from './pages.ts';
import { corrected, followTutorial, TUTORIAL } from './tutorial.ts';

const REFERENCE = new URL('../../docs/reference/', import.meta.url);

async function synthesise(): Promise<TemplateText> {
  const config = parseDeploymentConfig({ [`${CONTEXT_PREFIX}endpoint`]: true });
  const outdir = await mkdtemp(join(tmpdir(), 'compactor-docs-'));
  try {
    const stack = new CompactorStack(new App({ outdir }), config.stackName, { config });
    return Template.fromStack(stack).toJSON() as TemplateText;
  } finally {
    await rm(outdir, { recursive: true, force: true });
  }
}

/** What there is to write, by name. With names as arguments only those are written. */
const JOBS = {
  async reference() {
    for (const [name, text] of Object.entries(referencePages(await synthesise()))) await write(name, text);
  },
  async api() {
    await write('api.md', apiPage());
  },
  async cli() {
    await write('cli.md', await cliPage(await playStory()));
  },
  async tutorial() {
    const { markdown, steps } = await followTutorial();
    await writeFile(TUTORIAL, corrected(markdown, steps));
  },
};

async function write(name: string, text: string): Promise<void> {
  await mkdir(REFERENCE, { recursive: true });
  await writeFile(new URL(name, REFERENCE), text);
}

const { args: wanted } = script('npm run docs --', 'Writes the generated pages.', [
  'npm run docs',
  'npm run docs -- reference api',
])
  .addArgument(new Argument('[jobs...]', 'only these').choices(Object.keys(JOBS)))
  .parse();
for (const [name, job] of Object.entries(JOBS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stdout.write(`${name} ... `);
  await job();
  process.stdout.write('written\n');
}
