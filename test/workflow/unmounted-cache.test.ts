/** Steps whose Lambda does not mount the cache have the real one all the same, on a folder that is not there. */
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CACHE_VERBS, TASK_VERBS } from '../../cdk/verbs.ts';
import { FileCache } from '../../lambdas/adapters/files/file-cache.ts';
import { StoreUnavailableError } from '../../lambdas/errors/errors.ts';
import { manifestsPrefix, pointerKey } from '../../lambdas/snapshot/keys.ts';
import { COMPACTION, readDefinition } from '../../local/machines.ts';
import { taskHandlers } from '../../local/task-handlers.ts';
import { type Call, type Fault, faulty } from '../support/faulty.ts';
import { COLLECTION, type MemoryPorts } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { commitUnseen, expectNothingHeld, history, INPUT, stateOf, submitNumber, waitingPorts } from './support.ts';

let ports: MemoryPorts;
let parent: string;

beforeEach(async () => {
  ports = await waitingPorts();
  parent = await mkdtemp(join(tmpdir(), 'unmounted-'));
});
afterEach(() => rm(parent, { recursive: true }));

/** Handlers of the states whose function has no mount. */
function withoutMount(cache: FileCache, faults: readonly Fault[]) {
  const text = readDefinition(COMPACTION);
  const { States } = JSON.parse(text) as { States: Record<string, { Resource?: string }> };
  const unmounted = TASK_VERBS.filter((verb) => !CACHE_VERBS.includes(verb)).map((verb) => `\${${verb}Arn}`);
  const all = Object.entries(taskHandlers(text, faulty({ ...ports, cache }, faults)));
  return Object.fromEntries(all.filter(([state]) => unmounted.includes(States[state]?.Resource ?? '')));
}

it('a commit that others stand upon already is found along the ancestry, in the store', async () => {
  const mount = join(parent, 'cache');
  const asked: Call[] = [];
  const faults: Fault[] = [
    {
      on: 'store.get',
      when: ({ args }) => args[0].startsWith(manifestsPrefix(COLLECTION)),
      before: (c) => asked.push(c),
    },
    {
      on: 'store.putIfMatch',
      when: ({ args }) => args[0] === pointerKey(COLLECTION),
      times: 1,
      after: async () => {
        await submitNumber(ports, 5);
        await commitUnseen(ports);
        asked.length = 0;
        throw new StoreUnavailableError('The answer was lost.');
      },
    },
  ];
  const handlers = withoutMount(new FileCache({ root: mount }), faults);
  expect(Object.keys(handlers)).toContain('SwapPointer');

  const done = await run(ports, INPUT, { handlers });

  expect(done.path.at(-1)).toBe('Compacted');
  expect(stateOf(done).totals.commits).toBe(1);
  expect(asked.length).toBeGreaterThan(0);
  expect((await history(ports)).map(({ deltaId }) => deltaId).sort()).toHaveLength(5);
  expectNothingHeld(ports);
  await expect(access(mount)).rejects.toThrow('ENOENT');
});
