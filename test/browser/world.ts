/** A real local stack with real Chroma, and executions on it of every kind that the page must tell apart. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { putDelta } from '../../lambdas/producer/put-delta.ts';
import { encodeDelta } from '../../lambdas/snapshot/delta.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import { createCollection } from '../../lambdas/upkeep/create-collection.ts';
import { executionArn } from '../../local/sfn/names.ts';
import { type LocalStack, startStack } from '../../local/stack.ts';

export const LONG_COLLECTION = `long-${'name-'.repeat(23)}x`;
export const LONG_EXECUTION = `long-${'execution-'.repeat(7)}name`;
/** A collection that is markup wherever it is not taken for text. */
export const HOSTILE = '<img src=x onerror="document.title=1">';

export class World {
  readonly stack: LocalStack;
  readonly #directory: string;

  static async open(): Promise<World> {
    const directory = await mkdtemp(join(tmpdir(), 'compactor-browser-'));
    return new World(directory, await startStack({ dataDirectory: directory }));
  }

  private constructor(directory: string, stack: LocalStack) {
    this.#directory = directory;
    this.stack = stack;
  }

  get url(): string {
    return this.stack.file.sfnEndpoint;
  }

  async close(): Promise<void> {
    await this.stack.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  create(collection: string): Promise<unknown> {
    const { ports } = this.stack;
    return createCollection(ports, { collection, dimension: 4, space: 'l2', creator: 'test' });
  }

  submit(collection: string, deltaId: string, operations: readonly Operation[]): Promise<unknown> {
    return putDelta(this.stack.ports, { collection, deltaId, body: encodeDelta(operations) });
  }

  /** Start without waiting. */
  start(collection: string, name?: string): void {
    const input = JSON.stringify({ collection });
    const { stepFunctions, stateMachineArn } = this.stack;
    stepFunctions.start({ stateMachineArn, input, ...(name === undefined ? {} : { name }) });
  }

  idle(): Promise<void> {
    return this.stack.stepFunctions.idle();
  }

  /** One execution that commits one delta. */
  async one(): Promise<void> {
    await this.create('animals');
    await this.submit('animals', 'first-delta', upserts('first', 20));
    this.start('animals', 'animals-first');
    await this.idle();
  }

  /** Executions that fail, delegate, wait for a lock, reject lines, wait with deltas, have long and hostile names. */
  async several(): Promise<void> {
    this.start('absent', 'fails');
    this.start(HOSTILE, 'hostile');
    for (const name of ['herd-1', 'herd-2', 'herd-3', 'herd-4']) {
      await this.submit('animals', `delta-of-${name}`, upserts(name, 5));
      this.start('animals', name);
    }
    await this.idle();
    await this.submit('animals', 'with-bad-lines', [
      ...upserts('good', 2),
      { op: 'update', id: 'nobody', document: 'x' },
    ]);
    this.start('animals', 'rejects');
    await this.idle();
    await this.#lockedOut('waits-for-the-lock');
    await this.create(LONG_COLLECTION);
    this.start(LONG_COLLECTION, LONG_EXECUTION);
    await this.idle();
    for (let n = 0; n < 3; n++) await this.submit('food', `waiting-${n}`, upserts(`w${n}`, n + 1));
  }

  /** Somebody else holds the lock until the execution has come back for it once at least. */
  async #lockedOut(name: string): Promise<void> {
    await this.create('food');
    await this.submit('food', 'soup', upserts('soup', 3));
    const release = await this.hold('food');
    this.start('food', name);
    while (this.#failures(name) < 2) await this.stack.ports.clock.sleep(50);
    await release();
    await this.idle();
  }

  /** Take the lock, as `somebody-else`, until the function returned is called. */
  async hold(collection: string): Promise<() => Promise<unknown>> {
    const { locks, clock } = this.stack.ports;
    const owner = executionArn('compaction', 'somebody-else');
    const request = { owner, phase: 'swap', pointerToken: 0, now: clock.now(), durationMs: 900_000 } as const;
    const { token } = await locks.acquireLock(collection, request);
    return () => locks.releaseLock(collection, { owner, token });
  }

  status(name: string): string {
    return this.stack.stepFunctions.describe(executionArn('compaction', name)).status;
  }

  #failures(name: string): number {
    const query = { executionArn: executionArn('compaction', name), limit: 1_000, reverse: false };
    return this.stack.stepFunctions.store.events(query).filter(({ type }) => type === 'LambdaFunctionFailed').length;
  }

  /** So many executions that find nothing to do. */
  async idlers(count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      this.start(n % 2 === 0 ? 'animals' : LONG_COLLECTION, `idler-${n}`);
      if (n % 20 === 19) await this.idle();
    }
    await this.idle();
  }
}

function upserts(prefix: string, count: number): Operation[] {
  return Array.from({ length: count }, (_, n) => ({ op: 'upsert', id: `${prefix}-${n}`, embedding: [n, 1, 0.5, -n] }));
}
