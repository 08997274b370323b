/** `npm run docs`: writes docs/reference/ from the code. */
import { mkdir, writeFile } from 'node:fs/promises';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { bundleHandlers } from '../../cdk/bundle.ts';
import { parseDeploymentConfig } from '../../cdk/config.ts';
import { CompactorStack } from '../../cdk/stack.ts';
import type { Template as TemplateText } from './metrics.ts';
import { referencePages } from './pages.ts';

const REFERENCE = new URL('../../docs/reference/', import.meta.url);

function synthesise(): TemplateText {
  const config = parseDeploymentConfig({});
  const stack = new CompactorStack(new App(), config.stackName, { config, bundles: bundleHandlers() });
  return Template.fromStack(stack).toJSON() as TemplateText;
}

await mkdir(REFERENCE, { recursive: true });
for (const [name, text] of Object.entries(referencePages(synthesise()))) {
  await writeFile(new URL(name, REFERENCE), text);
  process.stdout.write(`docs/reference/${name}\n`);
}
