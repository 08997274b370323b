/** Laws of the lock and the claim, over any history. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isClaimLive, isLockFree, type LockItem, nextToken } from '../../lambdas/protocol/lock.ts';
import { type Call, history, type Step } from './lock-histories.ts';

const RUNS = { numRuns: 500 };

function always(name: string, law: (step: Step) => void) {
  it(name, () =>
    fc.assert(
      fc.property(history, (steps) => steps.forEach(law)),
      RUNS,
    ),
  );
}

describe('lock', () => {
  always('tokens never fall, and rise with every acquire', ({ call, accepted, before, after }) => {
    const [old, fresh] = [before?.token ?? 0, after?.token ?? 0];
    if (accepted && call.kind === 'acquire') {
      expect(fresh).toBeGreaterThan(old);
      expect(fresh).toBeGreaterThan(call.pointerToken);
    } else expect(fresh).toBe(old);
  });

  always('the owner changes only by its own release, or by an acquire when the lock is free', (step) => {
    const { call, before, after } = step;
    if (before?.owner === after?.owner) return;
    if (after?.owner === undefined) {
      expect(call).toMatchObject({ kind: 'release', holder: { owner: before?.owner, token: before?.token } });
    } else {
      expect(call).toMatchObject({ kind: 'acquire', owner: after.owner });
      const expired = call.kind === 'acquire' && (before?.expiresAt ?? 0) <= call.now;
      expect(before?.owner === undefined || expired).toBe(true);
    }
  });

  always('an item, once there, stays there', ({ before, after }) => {
    if (before !== undefined) expect(after).toBeDefined();
  });

  always('release keeps the token and everything of the claim', ({ call, accepted, before, after }) => {
    if (!accepted || call.kind !== 'release' || before === undefined) return;
    const { owner: _owner, phase: _phase, acquiredAt: _acquiredAt, expiresAt: _expiresAt, ...kept } = before;
    expect(after).toEqual(kept);
  });

  always('a refused call changes nothing', ({ accepted, before, after }) => {
    if (!accepted) expect(after).toBe(before);
  });

  always('a stale holder is refused', ({ call, accepted, before }) => {
    if (!('holder' in call)) return;
    const forLock = call.kind === 'release' || call.kind === 'claim';
    const token = forLock ? before?.token : before?.claimToken;
    if (call.holder.token !== token) expect(accepted).toBe(false);
  });

  always('an acquire is accepted exactly when the lock is free for the caller', ({ call, accepted, before }) => {
    if (call.kind === 'acquire') expect(accepted).toBe(isLockFree(before, call.owner, call.now));
  });

  it('a deleted item costs nothing: the next token is still above the pointer', () => {
    fc.assert(
      fc.property(fc.option(fc.nat(), { nil: undefined }), fc.nat(), (itemToken, pointerToken) => {
        const token = nextToken(itemToken, pointerToken);
        expect(token).toBeGreaterThan(pointerToken);
        expect(token).toBeGreaterThan(itemToken ?? 0);
      }),
    );
  });

  it('no two acquires ever get the same token', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const acquired = steps.filter(({ call, accepted }) => accepted && call.kind === 'acquire');
        const tokens = acquired.map(({ after }) => after?.token);
        expect(new Set(tokens).size).toBe(tokens.length);
      }),
      RUNS,
    );
  });
});

describe('claim', () => {
  always('is taken only with the lock held and unexpired, and never from another live claimant', (step) => {
    const { call, accepted, before, after } = step;
    if (!accepted || call.kind !== 'claim') return;
    expect(before).toMatchObject({ owner: call.holder.owner, token: call.holder.token });
    expect(before?.expiresAt).toBeGreaterThan(call.now);
    if (isClaimLive(before, call.now)) expect(before?.claimOwner).toBe(call.holder.owner);
    expect(after).toMatchObject({ claimOwner: call.holder.owner, claimToken: call.holder.token });
  });

  always('changes hands only by taking, and ends only by its own release', ({ call, before, after }) => {
    if (before?.claimOwner === after?.claimOwner && before?.claimToken === after?.claimToken) return;
    if (after?.claimOwner === undefined) {
      expect(call).toMatchObject({ kind: 'unclaim', holder: { owner: before?.claimOwner, token: before?.claimToken } });
    } else expect(call.kind).toBe('claim');
  });

  always('its token never falls', ({ before, after }) => {
    expect(after?.claimToken ?? 0).toBeGreaterThanOrEqual(before?.claimToken ?? 0);
  });

  always('a renewal never shortens it and touches nothing else', ({ call, accepted, before, after }) => {
    if (!accepted || call.kind !== 'renew') return;
    expect(after?.claimExpiresAt).toBeGreaterThanOrEqual(before?.claimExpiresAt ?? 0);
    expect({ ...after, claimExpiresAt: 0 }).toEqual({ ...before, claimExpiresAt: 0 });
  });

  always('wake only rises, by one, and only while the claim is live', ({ call, accepted, before, after }) => {
    const rise = (after?.wake ?? 0) - (before?.wake ?? 0);
    const woken = accepted && call.kind === 'wake';
    expect(rise).toBe(woken ? 1 : 0);
    if (woken) expect(isClaimLive(before, call.now)).toBe(true);
  });

  always('a wake-up since it was read keeps the claimant from letting go', ({ call, accepted, before }) => {
    if (call.kind !== 'unclaim' || call.wake === undefined || !accepted) return;
    expect(before?.wake ?? 0).toBe(call.wake);
  });

  always('no call but acquire and release touches the lock', ({ call, before, after }) => {
    if (call.kind === 'acquire' || call.kind === 'release') return;
    const lockOf = (item?: LockItem) => [item?.owner, item?.token, item?.phase, item?.acquiredAt, item?.expiresAt];
    expect(lockOf(after)).toEqual(lockOf(before));
  });
});

it('histories are rich: no law above is empty', () => {
  const steps = fc.sample(history, { numRuns: 500, seed: 1 }).flat();
  const times = (call: Call['kind'], accepted: boolean) =>
    steps.filter((step) => step.call.kind === call && step.accepted === accepted).length;
  for (const kind of ['acquire', 'release', 'claim', 'renew', 'unclaim', 'wake'] as const) {
    expect(times(kind, true), `accepted: ${kind}`).toBeGreaterThan(50);
    expect(times(kind, false), `refused: ${kind}`).toBeGreaterThan(50);
  }
  const takenOver = steps.filter(({ before, after }) => before?.claimOwner && before.claimOwner !== after?.claimOwner);
  expect(takenOver.filter(({ call }) => call.kind === 'claim').length, 'claims taken over').toBeGreaterThan(10);
});
