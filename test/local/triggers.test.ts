/** What starts executions by itself: notifications of a store of files, their queue, the sweep. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileStore } from '../../lambdas/adapters/store/file-store.ts';
import { findStatus } from '../../lambdas/producer/put-delta.ts';
import type { BatchResponse, QueueRecord } from '../../lambdas/triggers/start-compactions.ts';
import type { StatusChange } from '../../local/sfn/status-change.ts';
import { type LocalStack, startStack } from '../../local/stack.ts';
import { StarterQueue } from '../../local/starter-queue.ts';
import { create, submit, upserts } from '../e2e/support.ts';

const SOON = { windowMs: 20, batchSize: 10, firstPauseMs: 20, longestPauseMs: 100 };

describe('a stack with triggers', () => {
  let dataDirectory: string;
  let stack: LocalStack | undefined;

  beforeEach(async () => {
    dataDirectory = await mkdtemp(join(tmpdir(), 'compactor-triggers-'));
  });
  afterEach(async () => {
    await stack?.stepFunctions.idle();
    await stack?.close();
    stack = undefined;
    await rm(dataDirectory, { recursive: true, force: true });
  });

  const start = async () => {
    stack = await startStack({ dataDirectory, triggers: { queue: SOON } });
    return stack;
  };
  const ended = ({ stepFunctions }: LocalStack) =>
    new Promise<StatusChange>((resolve) => {
      const stop = stepFunctions.onStatusChange((change) => {
        stop();
        resolve(change);
      });
    });

  it('compacts what another process puts into the inbox, in a folder that is new and in one that is not', async () => {
    const running = await start();
    await create(running, 'pets');
    // Not through the stack's own ports: nobody tells the stack.
    const foreign = { ...running, ports: { ...running.ports, store: new FileStore(join(dataDirectory, 'store')) } };
    for (const id of ['one', 'two']) {
      const change = ended(running);

      await submit(foreign, 'pets', id, upserts(id, 1));

      expect((await change).detail).toMatchObject({ status: 'SUCCEEDED', input: '{"collection":"pets"}' });
      await running.stepFunctions.idle();
    }
    expect(await findStatus(running.ports, 'pets', 'two')).toMatchObject({ outcome: 'applied' });
  });

  it('compacts what arrived while nothing ran', async () => {
    const before = await startStack({ dataDirectory });
    await create(before, 'pets');
    await submit(before, 'pets', 'one', upserts('one', 1));
    expect(before.stepFunctions.store.get('none')).toBeUndefined();
    await before.close();

    const running = await start();
    await ended(running);
    await running.stepFunctions.idle();

    expect(await findStatus(running.ports, 'pets', 'one')).toMatchObject({ outcome: 'applied' });
  });
});

describe('the queue of notifications', () => {
  let now = 0;
  let tasks: Array<{ at: number; task: () => void }> = [];
  const timer = {
    now: () => now,
    after: (ms: number, task: () => void) => {
      const planned = { at: now + ms, task };
      tasks.push(planned);
      return () => {
        tasks = tasks.filter((each) => each !== planned);
      };
    },
  };
  const pass = async (ms: number) => {
    const end = now + ms;
    for (;;) {
      const next = tasks.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      tasks.splice(tasks.indexOf(next), 1);
      now = next.at;
      next.task();
      await new Promise(setImmediate);
    }
    now = end;
  };
  const arrived = (collection: string, messageId: string) => ({ collection, message: { messageId, body: '' } });

  let batches: string[][];
  let failing: string[];
  let outage: Error | undefined;
  let warnings: Array<[message: string, fields: Record<string, unknown>]>;
  const queueOf = () => {
    batches = [];
    failing = [];
    outage = undefined;
    warnings = [];
    const start = async ({ Records }: { Records: QueueRecord[] }): Promise<BatchResponse> => {
      batches.push(Records.map(({ messageId }) => messageId));
      if (outage !== undefined) throw outage;
      return { batchItemFailures: failing.map((itemIdentifier) => ({ itemIdentifier })) };
    };
    const options = { windowMs: 5, batchSize: 2, firstPauseMs: 100, longestPauseMs: 300 };
    return new StarterQueue(start, { options, timer, warn: (...warning) => void warnings.push(warning) });
  };

  it('gathers for the window, and takes at most a batch at once', async () => {
    const queue = queueOf();
    for (const id of ['a', 'b', 'c']) queue.send(arrived('pets', id));
    await pass(4);
    expect(batches).toEqual([]);
    await pass(1);
    expect(batches).toEqual([['a', 'b'], ['c']]);
  });

  it('gives back what could not be started', async () => {
    const queue = queueOf();
    failing = ['a'];
    queue.send(arrived('pets', 'a'));
    await pass(5);
    failing = [];
    await pass(5);
    await pass(100);
    expect(batches).toEqual([['a'], ['a']]);
  });

  it('holds a collection that keeps failing back, for longer each time, and no other', async () => {
    const queue = queueOf();
    queue.ended('bad', true);
    queue.ended('bad', true);
    queue.send(arrived('bad', 'a'));
    queue.send(arrived('good', 'b'));
    await pass(195);
    expect(batches).toEqual([['b']]);
    await pass(10);
    expect(batches).toEqual([['b'], ['a']]);
    queue.ended('bad', false);
    queue.send(arrived('bad', 'c'));
    await pass(5);
    expect(batches.at(-1)).toEqual(['c']);
  });

  it('says what does not start, and why, and keeps it', async () => {
    const queue = queueOf();
    outage = new Error('no handler');
    queue.send(arrived('pets', 'a'));
    queue.ended('bad', true);
    await pass(5);
    outage = undefined;
    await pass(5);

    expect(batches).toEqual([['a'], ['a']]);
    expect(warnings).toEqual([
      [expect.stringContaining('keep failing'), { collection: 'bad', failures: 1, pauseMs: 100 }],
      [expect.stringContaining('could not be started'), { messages: 1, reason: 'Error: no handler' }],
    ]);
  });

  it('starts nothing once it is closed', async () => {
    const queue = queueOf();
    queue.send(arrived('pets', 'a'));
    await queue.close();
    await pass(100);
    expect(batches).toEqual([]);
  });
});
