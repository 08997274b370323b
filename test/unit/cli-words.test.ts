/** What commands say while they wait, and of what they do not list. */
import type { SFNClient } from '@aws-sdk/client-sfn';
import { describe, expect, it } from 'vitest';
import { waitForExecution } from '../../cli/executions.ts';
import { explainDelta } from '../../cli/explain/delta.ts';
import { EXIT } from '../../cli/output.ts';
import { describePlace } from '../../cli/place.ts';
import { progressKind } from '../../cli/progress.ts';
import type { Target } from '../../cli/target.ts';
import { teller } from '../../cli/waiting-for.ts';
import type { DeltaReport, DeltaTrace } from '../../lambdas/producer/trace-delta.ts';
import { sourceOf } from '../../lambdas/snapshot/delta-source.ts';
import { numberedId } from '../../lambdas/snapshot/log-number.ts';
import { COLLECTION, memoryPorts } from '../support/memory-ports.ts';

describe('waiting for an execution', () => {
  const running = (): Target => {
    const sfn = { send: async () => ({ status: 'RUNNING', events: [] }) } as unknown as SFNClient;
    const place = { local: '/data' };
    return { kind: 'aws', place, ports: memoryPorts(), sfn, stateMachineArn: 'arn:machine', close: async () => {} };
  };
  const request = { owner: 'arn:another', phase: 'swap', pointerToken: 0, durationMs: 60_000 } as const;

  it('ends after the time-out, and says who holds the lock and that it goes on', async () => {
    const target = running();
    await target.ports.locks.acquireLock(COLLECTION, { ...request, now: target.ports.clock.now() });

    const waiting = waitForExecution(target, COLLECTION, 'arn:mine', { timeoutMs: 1 });

    await expect(waiting).rejects.toMatchObject({ exitCode: EXIT.timedOut });
    await expect(waiting).rejects.toThrow(
      /^It has not ended within 0\.001 s: arn:mine is; the lock of "books" is held by arn:another until 2026-.*It goes on/,
    );
  });

  it('says who is compacting, when nobody has the lock', async () => {
    const target = running();
    const now = target.ports.clock.now();
    const { token } = await target.ports.locks.acquireLock(COLLECTION, { ...request, now });
    const holder = { owner: 'arn:another', token };
    await target.ports.locks.takeClaim(COLLECTION, { holder, now, durationMs: 60_000 });
    await target.ports.locks.releaseLock(COLLECTION, holder);
    const told: string[] = [];

    await waitForExecution(target, COLLECTION, 'arn:mine', { timeoutMs: 1, tell: (what) => told.push(what) }).catch(
      () => {},
    );

    expect(told).toEqual([expect.stringMatching(/"books" is being compacted by arn:another, until 2026-/)]);
  });

  it('is silent for two seconds, then says each reason once', () => {
    let now = 0;
    const said: string[] = [];
    const tell = teller(
      () => now,
      (text) => void said.push(text),
    );
    for (const [at, reason] of [
      [0, 'a'],
      [1_999, 'a'],
      [2_000, 'a'],
      [9_000, 'a'],
      [9_001, 'b'],
    ] as const) {
      now = at;
      tell(reason);
    }
    expect(said).toEqual(['Waiting: a.\n', 'Waiting: b.\n']);
  });
});

describe('explaining rejections', () => {
  const rejections = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ line: n + 1, error: 'MalformedLine', reason: 'It is not JSON.' }));
  const explain = (total: number, named: number) => {
    const report: DeltaReport = {
      key: 'r.json',
      otherSha256: null,
      rejectedOperations: total,
      rejections: rejections(named),
    };
    const status = { outcome: 'applied', version: 1, sha256: 'a', rejectedOperations: total } as const;
    const trace: DeltaTrace = {
      ...{
        collection: COLLECTION,
        deltaId: 'd',
        source: 'producer',
        number: null,
        inbox: null,
        status,
        ledger: null,
        commit: null,
        aside: null,
      },
      reports: [report],
    };
    return explainDelta({ trace, lock: undefined, now: 0, execution: undefined }).story;
  };

  it.each<[number, number, string | undefined]>([
    [5, 5, undefined],
    [6, 6, '  and 1 more.'],
    [250, 100, '  and 245 more, of which the report names those up to number 100.'],
  ])('of %i shows five and says how many more there are', (total, named, more) => {
    const story = explain(total, named);

    expect(story.filter((line) => line.startsWith('  line'))).toHaveLength(5);
    expect(story.find((line) => line.startsWith('  and '))).toBe(more);
    expect(story.at(-1)).toBe('The report is at r.json.');
  });
});

describe('progress', () => {
  it.each([
    ['nothing in a pipe', { json: false }, {}, 'none'],
    ['nothing beside JSON', { json: true }, { isTTY: true, columns: 80 }, 'none'],
    ['a spinner on a terminal', { json: false }, { isTTY: true, columns: 80 }, 'spinner'],
    ['lines on a terminal of no known width', { json: false }, { isTTY: true }, 'lines'],
    ['lines on a terminal that says 0', { json: false }, { isTTY: true, columns: 0 }, 'lines'],
  ])('is %s', (_, output, stream, kind) => {
    expect(progressKind(output, stream)).toBe(kind);
  });
});

describe('names of a target', () => {
  it('say which folder, or which account and region', () => {
    const stateMachine = 'arn:aws:states:eu-west-1:123456789012:stateMachine:compaction';

    const local = describePlace({ local: '/data' });
    const aws = describePlace({ store: 's3://bucket', table: 'books', stateMachine });

    expect(local).toBe('local stack in /data');
    expect(aws).toBe('s3://bucket with table books, in eu-west-1 of account 123456789012');
  });
});

describe('explaining where a delta came from', () => {
  const nothing = { inbox: null, status: null, ledger: null, commit: null, aside: null, reports: [] };
  const waiting = { ...nothing, inbox: { size: 1, arrivedAt: 0, sha256: 'a' } };
  const explain = (deltaId: string, number: DeltaTrace['number'], known: typeof nothing | typeof waiting = nothing) => {
    const trace: DeltaTrace = { collection: COLLECTION, deltaId, source: sourceOf(deltaId), number, ...known };
    return explainDelta({ trace, lock: undefined, now: 0, execution: undefined });
  };

  it.each<[string, DeltaTrace['number'], RegExp]>([
    [numberedId(7), { number: 7, isPassed: true }, /^An endpoint wrote it .*, as number 7 of the collection's log\.$/],
    ['01KDVDNA0047C4FEZDQK8YZG0M', null, /^The library or `compactor submit` made its id\.$/],
    ['import-2026', null, /^Its producer chose its id\.$/],
  ])('%s says it first', (deltaId, number, first) => {
    expect(explain(deltaId, number, waiting).story[0]).toMatch(first);
  });

  it('says nothing of that when it never came', () => {
    expect(explain('import-2026', null).story).toHaveLength(1);
  });

  it('asks nobody to send a number again: it says whether it is decided', () => {
    const passed = explain(numberedId(7), { number: 7, isPassed: true });
    const open = explain(numberedId(8), { number: 8, isPassed: false });

    expect([passed.verdict, passed.todo]).toEqual(['unknown', []]);
    expect(passed.story[1]).toContain('is decided');
    expect(open.story[1]).toBe('Nothing was written under this number yet.');
    expect(open.todo.join(' ')).not.toContain('compactor submit');
  });
});
