/** Events of commits: told before any status is written, at least once, never of what is not committed, and stopping nothing. */
import { expect, test } from 'vitest';
import { StoreUnavailableError, TableUnavailableError } from '../../lambdas/errors/errors.ts';
import { compactionCommitted, MAX_DELTAS_PER_EVENT } from '../../lambdas/protocol/announcement.ts';
import { METRICS } from '../../lambdas/protocol/metrics.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { throws } from '../support/faulty.ts';
import { COLLECTION, type MemoryPorts, submit } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { expectSettled, INPUT, idOf, submitNumber, upsert, waitingPorts } from './support.ts';

const told = ({ announcer }: MemoryPorts) =>
  announcer.announced.flatMap(({ deltas }) => deltas.map(({ deltaId }) => deltaId));

test('a commit is announced once, with its deltas and what became of them', async () => {
  const ports = await waitingPorts();
  await submit(ports, 'wrong', Buffer.from('not JSON\n'));
  const before = ports.announcer.announced.length;

  await run(ports, INPUT);

  const { pointer } = await readPointer(ports, COLLECTION);
  const announced = ports.announcer.announced.slice(before);
  expect(announced).toMatchObject([
    {
      format: 1,
      collection: COLLECTION,
      version: 2,
      commitId: pointer.commitId,
      current: { version: 2, commitId: pointer.commitId, records: pointer.records },
      part: 1,
      parts: 1,
    },
  ]);
  expect(announced[0]?.deltas.map(({ deltaId, outcome }) => [deltaId, outcome]).sort()).toEqual([
    [idOf(2), 'applied'],
    [idOf(3), 'applied'],
    [idOf(4), 'applied'],
    ['wrong', 'rejected'],
  ]);
  for (const announcement of announced) expect(compactionCommitted.parse(announcement)).toEqual(announcement);
});

test('statuses are written only after the event: a crash in between repeats it, and loses nothing', async () => {
  const ports = await waitingPorts();
  const writtenWhenAnnounced: number[] = [];
  const look = async () => {
    writtenWhenAnnounced.push((await ports.statuses.getStatuses(COLLECTION, [2, 3, 4].map(idOf))).size);
  };
  const crash = throws(new TableUnavailableError('planted'));

  await run(ports, INPUT, {
    faults: [
      { on: 'announcer.announce', before: look },
      { on: 'statuses.putStatus', times: 1, before: crash },
    ],
  });

  expect(writtenWhenAnnounced[0]).toBe(0);
  expect(writtenWhenAnnounced.length).toBeGreaterThan(1);
  for (const n of [2, 3, 4]) expect(told(ports)).toContain(idOf(n));
  await expectSettled(ports, [1, 2, 3, 4]);
});

test('what another execution committed and did not live to settle is announced by whoever finishes it', async () => {
  const ports = await waitingPorts();
  const dies = throws(new StoreUnavailableError('planted'));
  await run(ports, INPUT, { faults: [{ on: '*', in: 'FinishCompaction', before: dies }] });
  expect(told(ports)).not.toContain(idOf(2));
  await submitNumber(ports, 5);

  await run(ports, INPUT);

  const byVersion = ports.announcer.announced.map(({ version, current, commitId, deltas }) => ({
    version,
    isKnown: commitId !== null,
    current: current.version,
    deltas: deltas.map(({ deltaId }) => deltaId).sort(),
  }));
  expect(byVersion.slice(1)).toEqual([
    { version: 2, isKnown: true, current: 3, deltas: [2, 3, 4].map(idOf) },
    { version: 3, isKnown: true, current: 3, deltas: [idOf(5)] },
  ]);
});

test('a bus that takes nothing stops nothing: three attempts, a warning, a metric, and the statuses', async () => {
  const ports = await waitingPorts();
  let attempts = 0;
  const fails = () => {
    attempts++;
    throw new Error('no bus');
  };

  const ended = await run(ports, INPUT, { faults: [{ on: 'announcer.announce', before: fails }] });

  expect(ended.path.at(-1)).toBe('Compacted');
  expect(attempts).toBe(3);
  expect(ports.telemetry.sum(METRICS.announcementFailure)).toBe(1);
  expect(ports.telemetry.warnings.join()).toContain('could not be announced');
  await expectSettled(ports, [1, 2, 3, 4]);
});

test('only what was refused is sent again', async () => {
  const ports = await waitingPorts();
  const sent: number[][] = [];
  ports.announcer.announce = async (announcements) => {
    sent.push(announcements.map(({ version }) => version));
    return sent.length === 1 ? announcements.slice(1).map((announcement) => ({ announcement, reason: 'busy' })) : [];
  };
  await run(ports, INPUT, {
    faults: [{ on: '*', in: 'FinishCompaction', before: throws(new StoreUnavailableError('planted')) }],
  });
  await submitNumber(ports, 5);

  await run(ports, INPUT);

  expect(sent).toEqual([[2, 3], [3]]);
});

test('a commit of many deltas is told in parts, each well below the limit of EventBridge', async () => {
  const ports = await waitingPorts({ settings: { maxDeltasPerCommit: 2 * MAX_DELTAS_PER_EVENT } });
  await run(ports, INPUT);
  const ids = Array.from(
    { length: MAX_DELTAS_PER_EVENT + 1 },
    (_, n) => `${'x'.repeat(42)}-${String(n).padStart(5, '0')}`,
  );
  for (const [n, id] of ids.entries()) await submit(ports, id, [upsert('shared', n)]);
  const before = ports.announcer.announced.length;

  await run(ports, INPUT);

  const announced = ports.announcer.announced.slice(before);
  expect(announced.map(({ part, parts, deltas }) => [part, parts, deltas.length])).toEqual([
    [1, 2, MAX_DELTAS_PER_EVENT],
    [2, 2, 1],
  ]);
  expect(Math.max(...announced.map((event) => Buffer.byteLength(JSON.stringify(event))))).toBeLessThan(200 * 1024);
  expect(told(ports).slice(-ids.length).sort()).toEqual(ids);
});
