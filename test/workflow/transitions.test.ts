/** State transitions are what Step Functions charges for: docs/cost.md counts them, and this counts them again. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { COLLECTION, createCollection, memoryPorts } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { EXPIRY_MS, fence, INPUT, waitingPorts } from './support.ts';

const document = readFileSync(new URL('../../docs/cost.md', import.meta.url), 'utf8');

/** The second column of the table of paths: a number, or "from to". */
function stated(path: string): number[] {
  const [, cell = ''] = new RegExp(`^\\| ${path} \\| ([^|]+) \\|`, 'm').exec(document) ?? [];
  return (cell.match(/\d+/g) ?? []).map(Number);
}

/** Every state entered is one; so is every retry. */
async function transitions(...[ports, options]: [Parameters<typeof run>[0], Parameters<typeof run>[2]?]) {
  const { path, retries } = await run(ports, INPUT, options);
  return path.length + retries;
}

it('are those of docs/cost.md', async () => {
  const commit = await transitions(await waitingPorts());
  const rounds = await transitions(await waitingPorts({ settings: { maxDeltasPerCommit: 2 } }));
  const idle = memoryPorts();
  await createCollection(idle);
  const nothing = await transitions(idle);
  const contended = await waitingPorts();
  const now = contended.clock.now();
  const request = { owner: 'arn:other', phase: 'validation', pointerToken: 10, now } as const;
  const { token } = await contended.locks.acquireLock(COLLECTION, { ...request, durationMs: 1_000 });
  const holder = { owner: request.owner, token };
  await contended.locks.takeClaim(COLLECTION, { holder, now, durationMs: EXPIRY_MS });
  await contended.locks.releaseLock(COLLECTION, holder);
  const delegated = await transitions(contended);

  expect(stated('commit')).toEqual([commit]);
  expect(stated('each further round of the same execution')).toEqual([rounds - commit]);
  expect(stated('nothing to do')).toEqual([nothing]);
  expect(stated('delegated')).toEqual([delegated]);
});

it.each([
  ['at CheckBase', 'CheckBase', 0],
  ['at the swap', 'AcquireSwapLock', 1],
])('of a conflict found %s are those of docs/cost.md', async (_, state, at) => {
  const commit = await transitions(await waitingPorts());
  const ports = await waitingPorts();
  const moved = {
    on: state === 'CheckBase' ? 'store.get' : 'locks.acquireLock',
    in: state,
    times: 1,
    before: () => fence(ports),
  };

  const more = (await transitions(ports, { faults: [moved] })) - commit;

  expect(more).toBe(stated('a conflict')[at]);
});
