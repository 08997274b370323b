/** Every environment variable that the product reads is in the reference. */
import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { deployment } from '../../cdk/settings.ts';
import { ambient } from '../../docs/generator/ambient.ts';
import { environment } from '../../lambdas/runtime/config.ts';
import { endpointEnvironment } from '../../lambdas/runtime/endpoint-config.ts';

const SOURCES = globSync('{lambdas,cli,local}/**/*.ts', { exclude: ['docs/generator/**', 'cli/demo/**'] });
/** Given to the engine's process as they are, and read by nothing here. */
const PASSED_ON = ['PATH', 'LD_LIBRARY_PATH', 'LANG', 'TZ'];
/** Nobody chooses it. */
const SET_BY_LAMBDA = ['LAMBDA_TASK_ROOT'];

it('is documented, and nothing else is', () => {
  const read = new Set(
    SOURCES.flatMap((path) =>
      Array.from(readFileSync(path, 'utf8').matchAll(/\benv\.([A-Z][A-Z0-9_]+)/g), ([, name = '']) => name),
    ),
  );
  const documented = [...Object.keys(environment.shape), ...Object.keys(ambient.shape)];
  const known = [...documented, ...PASSED_ON, ...SET_BY_LAMBDA];
  expect([...read].filter((name) => !known.includes(name))).toEqual([]);
  // The SDK reads the region itself.
  expect(Object.keys(ambient.shape).filter((name) => !read.has(name))).toEqual(['AWS_REGION']);
});

it.each(
  Object.entries({
    ...environment.shape,
    ...endpointEnvironment.shape,
    ...ambient.shape,
    ...deployment.shape,
  }),
)('%s has a description', (_, schema) => expect(schema.description).toMatch(/^.+\.$/));
