/**
 * Histories of one lock item: any sequence of calls by owners whose clocks disagree and who may come late, with tokens
 * of long ago or with a clock that runs behind.
 */
import fc from 'fast-check';
import {
  type AcquireRequest,
  acquireLock,
  type Holder,
  LOCK_PHASES,
  type LockItem,
  releaseClaim,
  releaseLock,
  renewClaim,
  takeClaim,
  wakeClaimant,
} from '../../lambdas/protocol/lock.ts';

const OWNERS = ['a', 'b', 'c'];

export type Call =
  | ({ kind: 'acquire' } & AcquireRequest)
  | { kind: 'release' | 'unclaim'; holder: Holder; wake?: number }
  | { kind: 'claim' | 'renew'; holder: Holder; now: number; durationMs: number }
  | { kind: 'wake'; now: number };

/** One call and what it did: the item before, whether it was accepted, the item after. */
export interface Step {
  call: Call;
  before: LockItem | undefined;
  accepted: boolean;
  after: LockItem | undefined;
}

const time = { now: fc.nat(12), durationMs: fc.integer({ min: 2, max: 10 }) };
const owner = fc.constantFrom(...OWNERS);
/** Whoever holds it now; or any owner, with the token of one of its own acquires, counted backwards. */
const caller = fc.oneof({ weight: 2, arbitrary: fc.constant('holder' as const) }, fc.record({ owner, age: fc.nat(2) }));
const wake = fc.option(fc.nat(3), { nil: undefined });
const phase = fc.constantFrom(...LOCK_PHASES);

const plan = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('acquire' as const), owner, phase, pointerToken: fc.nat(4), ...time }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('claim' as const), caller, ...time }) },
  fc.record({ kind: fc.constant('release' as const), caller }),
  fc.record({ kind: fc.constant('unclaim' as const), caller, wake }),
  fc.record({ kind: fc.constant('renew' as const), caller, ...time }),
  fc.record({ kind: fc.constant('wake' as const), now: time.now }),
);

/** What happens to an item that is absent at first. */
export const history: fc.Arbitrary<Step[]> = fc.array(plan, { maxLength: 40, size: '+1' }).map((plans) => {
  const tokens = new Map<string, number[]>();
  let item: LockItem | undefined;
  return plans.map((planned) => {
    const call = 'caller' in planned ? { ...planned, holder: holderFor(planned, item, tokens) } : planned;
    const before = item;
    const verdict = apply(item, call);
    if (verdict.ok) item = verdict.item;
    if (verdict.ok && call.kind === 'acquire') {
      tokens.set(call.owner, [verdict.item.token, ...(tokens.get(call.owner) ?? [])]);
    }
    return { call, before, accepted: verdict.ok, after: item };
  });
});

function holderFor(
  { kind, caller }: { kind: string; caller: 'holder' | { owner: string; age: number } },
  item: LockItem | undefined,
  tokens: ReadonlyMap<string, number[]>,
): Holder {
  if (caller !== 'holder') return { owner: caller.owner, token: tokens.get(caller.owner)?.[caller.age] ?? 0 };
  const forLock = kind === 'release' || kind === 'claim';
  const [owner, token] = forLock ? [item?.owner, item?.token] : [item?.claimOwner, item?.claimToken];
  return { owner: owner ?? 'nobody', token: token ?? 0 };
}

function apply(item: LockItem | undefined, call: Call): { ok: true; item: LockItem } | { ok: false } {
  switch (call.kind) {
    case 'acquire':
      return acquireLock(item, call);
    case 'release':
      return releaseLock(item, call.holder);
    case 'claim':
      return takeClaim(item, call);
    case 'renew':
      return renewClaim(item, call.holder, call.now, call.durationMs);
    case 'unclaim':
      return releaseClaim(item, call.holder, call.wake);
    case 'wake':
      return wakeClaimant(item, call.now);
  }
}
