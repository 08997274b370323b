/** Bugs of the log and of serving copies, planted in the source. */
import type { Profile } from '../profile.ts';
import type { SourceBug } from './source-bugs.ts';

const bug = (file: string, text: string, instead: string, more: Omit<SourceBug, 'change'> = {}): SourceBug => ({
  change: { file, text, instead },
  ...more,
});

/** Nothing else is at work, so that writes and reads meet often. */
const BUSY: Partial<Profile> = {
  endpoints: 3,
  logWrites: 14,
  paceMs: 400,
  latencyMs: 20,
  deltas: 1,
  endpointCrash: 0,
  nameDeeds: 0,
};
const LOG = /^write \d+|a read |shown with|is shown|numbers? \d+/;

export const LOG_BUGS: Readonly<Record<string, SourceBug>> = {
  'a delta applied twice to the serving copy': bug(
    'lambdas/merge/apply-waiting.ts',
    'for (let done = before.deltas.length; done',
    'for (let done = Math.max(0, before.deltas.length - 1); done',
    { world: { profile: BUSY, lookFor: LOG } },
  ),
  'writes in the order of host clocks': bug(
    'lambdas/log/place-write.ts',
    'const key = deltaKey(this.#collection, numberedId(number));',
    'const key = deltaKey(this.#collection, this.#ports.ids.ulid());',
    { world: { profile: { ...BUSY, wholeSeconds: true }, lookFor: /is applied before write/ } },
  ),
  'acknowledgement before the write': bug(
    'lambdas/log/append.ts',
    'const number = await this.#end.place(',
    'for (const { done } of group) done({ number: 0 });\n        const number = await this.#end.place(',
    { world: { profile: { ...BUSY, endpointCrash: 0.7 }, lookFor: LOG } },
  ),
  'a stale number acknowledged': bug(
    'lambdas/log/place-write.ts',
    "if (verdict !== 'other') return number;",
    'return number;',
    { world: { profile: { ...BUSY, paceMs: 60_000 }, lookFor: LOG } },
  ),
  'a listing shared with a read that came later': bug(
    'lambdas/log/share-next.ts',
    'next ??= running.then(begin, begin);',
    'next ??= running as Promise<Result>;',
    { world: { profile: { ...BUSY, endpoints: 2, logWrites: 40, latencyMs: 300, paceMs: 100 }, lookFor: LOG } },
  ),
  'a listing beside a version that was replaced': bug(
    'lambdas/serving/looks.ts',
    'const confirmed = confirm(ports, collection, current, began, listed);',
    "const confirmed = Promise.resolve('beside' as const);",
    { world: { profile: { ...BUSY, paceMs: 5_000 }, lookFor: LOG } },
  ),
  'a slow look taken for a quick one': bug(
    'lambdas/serving/looks.ts',
    'if (!isBehind && isWholeAtOnce(began, ports.clock.monotonic()))',
    'if (!isBehind)',
    { world: { profile: { ...BUSY, pageSize: 1, latencyMs: 300 }, lookFor: LOG } },
  ),
  'a quick look that a status of a later version leads astray': bug(
    'lambdas/serving/looks.ts',
    'if (!isBehind && isWholeAtOnce(began, ports.clock.monotonic()))',
    'if (isWholeAtOnce(began, ports.clock.monotonic()))',
    { test: 'test/workflow/look-times.test.ts' },
  ),
  'deltas deleted without waiting': bug(
    'lambdas/compaction/settle-deltas.ts',
    'await untilDeletion(ports, knownAt);',
    '',
    { test: 'test/workflow/look-times.test.ts' },
  ),
  'a copy kept when its version was replaced': bug(
    'lambdas/serving/served-collection.ts',
    'const isSame = copy?.isAlive && copy.commitId === look.current?.manifest.commitId;',
    'const isSame = copy?.isAlive && copy.commitId !== undefined;',
    { world: { profile: { ...BUSY, paceMs: 5_000 }, lookFor: LOG } },
  ),
  'a stale write deleted without a report': bug(
    'lambdas/compaction/settle-deltas.ts',
    'if (found.sha256 !== decided?.sha256) {',
    "if (entry.deltaId.startsWith('0000000000') && found.sha256 !== decided?.sha256) {\n" +
      '    } else if (found.sha256 !== decided?.sha256) {',
    { world: { profile: { ...BUSY, endpointCrash: 0.9, paceMs: 20_000 }, lookFor: /never decided nor reported/ } },
  ),
  'a gap in the log passed over': bug(
    'lambdas/protocol/plan.ts',
    'if (number === last + 1) last = number;',
    'last = Math.max(last, number);',
    { world: { profile: { ...BUSY, pageSize: 1, latencyMs: 300 } } },
  ),
  'the mark follows a rollback': bug(
    'lambdas/snapshot/rollback.ts',
    '...(current.numbered !== undefined && { numbered: current.numbered }),',
    '...(target.numbered !== undefined && { numbered: target.numbered }),',
    { world: { profile: { ...BUSY, rollbacks: 3, paceMs: 20_000 } } },
  ),
  'a rival taken for oneself': bug(
    'lambdas/log/place-write.ts',
    'if (error instanceof KeyCollisionError) return false;',
    'if (error instanceof KeyCollisionError) return true;',
    { world: { profile: { ...BUSY, paceMs: 50 }, lookFor: LOG } },
  ),
  'a write in doubt sent under the next number': bug(
    'lambdas/log/place-write.ts',
    'throw isGone(error) ? this.#inDoubt(key, error) : error;',
    'return false;',
    { test: 'test/workflow/log.test.ts' },
  ),
  'a refused line left out of another content': bug(
    'lambdas/merge/apply-waiting.ts',
    'etags.get(deltaId) === (etag ?? etags.get(deltaId))',
    'etags.has(deltaId) && etag !== undefined',
    { test: 'test/workflow/log.test.ts' },
  ),
  'a number decided by the status of a later version': bug(
    'lambdas/protocol/plan.ts',
    'number === undefined ? statuses.has(deltaId) : number <= numbered',
    'statuses.has(deltaId) || (number !== undefined && number <= numbered)',
    { test: 'test/property/log-number.property.test.ts' },
  ),
};
