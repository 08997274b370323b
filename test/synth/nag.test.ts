/** cdk-nag's AwsSolutions finds nothing but what is acknowledged, and every acknowledgement is needed and says why. */
import { readFileSync } from 'node:fs';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import type { IConstruct } from 'constructs';
import { afterEach, expect, it, vi } from 'vitest';
import { makeStack } from './support.ts';

const acknowledged = vi.hoisted(() => ({
  ignored: false,
  all: [] as Array<{ path: string; id: string; reason: string }>,
}));

vi.mock('../../cdk/acknowledgements.ts', async (importOriginal) => {
  const { explain } = await importOriginal<typeof import('../../cdk/acknowledgements.ts')>();
  return {
    explain: (construct: IConstruct, id: string, reason: string) => {
      acknowledged.all.push({ path: construct.node.path, id, reason });
      if (!acknowledged.ignored) explain(construct, id, reason);
    },
  };
});

afterEach(() => {
  Object.assign(acknowledged, { ignored: false, all: [] });
});

const STACKS = [
  ['alone', {}],
  ['with an endpoint', { endpoint: true }],
] as const;

it.each(STACKS)('finds nothing that is not acknowledged: the stack %s', (_, own) => {
  const { app } = makeStack(own);

  const { directory } = app.synth();

  const report = JSON.parse(readFileSync(`${directory}/validation-report.json`, 'utf8')) as {
    pluginReports: unknown[];
  };
  expect(report.pluginReports).toEqual([]);
});

it('finds everything that is acknowledged, and what is planted', () => {
  acknowledged.ignored = true;
  const { app, stack } = makeStack({ endpoint: true });
  new Bucket(stack, 'Planted');

  const findings = messageOf(() => app.synth());

  expect(findings).toContain('Planted');
  const found = new Set(Array.from(findings.matchAll(/AwsSolutions::(AwsSolutions-[^']*)'/g), ([, id]) => id));
  expect(found).toEqual(new Set([...acknowledged.all.map(({ id }) => id), 'AwsSolutions-S1', 'AwsSolutions-S10']));
  for (const { id, reason } of acknowledged.all) expect(reason, id).toMatch(/^[A-Z].{20,}\.$/);
});

function messageOf(task: () => unknown): string {
  try {
    task();
  } catch (error) {
    return String(error);
  }
  throw new Error('Nothing was found.');
}
