/** Alarms that can fire: within CloudWatch's limits, and for every interval of the sweep that the configuration allows. */
import { describe, expect, it } from 'vitest';
import { type AlarmProperties, isInAlarm, readingsOf, type Samples } from './cloudwatch.ts';
import { type Own, synthesise } from './support.ts';

const DAY = 1_440;
const SWEEPS = [1, 2, 5, 7, 10, 60, 480, 481, 720, 721, 1_000, DAY];

function alarmsOf(own: Own): Array<[string, AlarmProperties]> {
  return synthesise(own)
    .ofType('AWS::CloudWatch::Alarm')
    .map(([id, { Properties }]) => [id.replace(/^Alarms|[0-9A-F]{8}$/g, ''), Properties]);
}

function alarm(name: string, own: Own = {}): AlarmProperties {
  const [, found] = alarmsOf(own).find(([id]) => id === name) ?? [];
  if (found === undefined) throw new Error(`There is no alarm ${name}.`);
  return found;
}

/** One sample for each sweep over the time that is looked at; the first one is late by a part of the interval. */
function everySweep(sweepMinutes: number, value: (nth: number) => number): Samples {
  const first = Math.floor(sweepMinutes / 3);
  return Array.from({ length: Math.ceil((3 * DAY) / sweepMinutes) }, (_, nth) => [
    first + nth * sweepMinutes,
    value(nth),
  ]);
}

/** Minutes of the second half of the samples, at most so many of them: a period may end at any of them. */
function minutesOf(samples: Samples): number[] {
  const last = samples.at(-1)?.[0] ?? 0;
  return Array.from({ length: Math.min(DAY, Math.floor(last / 2)) }, (_, n) => last - n);
}

describe.each(SWEEPS)('a sweep every %i minutes', (sweepMinutes) => {
  const own = { sweepMinutes };
  const once = everySweep(sweepMinutes, () => 1);

  it('that always fails raises SweepFailures, and keeps it', () => {
    const samples = { Errors: once, Invocations: once };

    const quiet = minutesOf(once).filter((minute) => !isInAlarm(alarm('SweepFailures', own), samples, minute));

    expect(quiet.length).toBe(0);
  });

  it('that always succeeds, or does not run, does not raise SweepFailures', () => {
    const samples = { Errors: everySweep(sweepMinutes, () => 0), Invocations: once };

    const raised = minutesOf(once).filter(
      (minute) =>
        isInAlarm(alarm('SweepFailures', own), samples, minute) || isInAlarm(alarm('SweepFailures', own), {}, minute),
    );

    expect(raised.length).toBe(0);
  });

  it.skipIf(sweepMinutes > 480)('that fails twice out of three times does not raise SweepFailures', () => {
    const samples = { Errors: everySweep(sweepMinutes, (nth) => (nth % 3 === 0 ? 0 : 1)), Invocations: once };

    const raised = minutesOf(once).filter((minute) => isInAlarm(alarm('SweepFailures', own), samples, minute));

    expect(raised.length).toBe(0);
  });

  it('that alone has rounds planned shows a delta that waits for too long, without a gap', () => {
    const late = alarm('PendingDeltaAge', own);
    const samples = { PendingDeltaAge: everySweep(sweepMinutes, () => late.Threshold + 1) };

    const quiet = minutesOf(once).filter((minute) => !isInAlarm(late, samples, minute));

    expect(quiet.length).toBe(0);
  });

  it('leaves every alarm within what CloudWatch takes', () => {
    for (const [name, properties] of alarmsOf({ ...own, endpoint: true })) {
      const periods = readingsOf(properties).map(({ periodSeconds }) => periodSeconds);
      const [seconds = 0] = periods;
      expect(new Set(periods).size, name).toBe(1);
      expect([seconds % 60, seconds > 0, seconds <= 86_400], name).toEqual([0, true, true]);
      const longest = seconds < 3_600 ? 86_400 : 604_800;
      expect(seconds * properties.EvaluationPeriods, name).toBeLessThanOrEqual(longest);
      expect(periods.length, name).toBeLessThanOrEqual(10);
      expect(properties, name).toMatchObject({
        TreatMissingData: 'notBreaching',
        ComparisonOperator: 'GreaterThanThreshold',
      });
    }
  });
});
