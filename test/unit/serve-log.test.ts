/** What `compactor serve` writes to its log of what was asked. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ServeLog } from '../../cli/serve-log.ts';
import { METRICS } from '../../lambdas/protocol/metrics.ts';

let lines: string[];
let log: ServeLog;
beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  log = new ServeLog((line) => lines.push(line));
});
afterEach(() => vi.useRealTimers());

it('is a line a minute, and none for a minute in which nothing was asked', () => {
  log.metric(METRICS.endpointRequest, 1);
  log.metric(METRICS.endpointRequest, 1);
  log.metric(METRICS.endpointVisibleAfter, 10.5);
  log.metric(METRICS.endpointVisibleAfter, 2);
  vi.advanceTimersByTime(59_999);
  const before = lines.length;

  vi.advanceTimersByTime(1);
  vi.advanceTimersByTime(600_000);

  expect(before).toBe(0);
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      level: 'info',
      message: 'What was asked.',
      EndpointRequest: { samples: 2, average: 1, most: 1 },
      EndpointVisibleAfter: { samples: 2, average: 6.25, most: 10.5 },
    },
  ]);
});

it('is written at the end as well, and what happens is written at once', () => {
  log.metric(METRICS.endpointRequest, 1);
  log.warn('A request failed.', { error: 'X' });

  log.flush();
  log.flush();

  expect(lines).toHaveLength(2);
  expect(lines[0]).toBe('{"level":"warn","message":"A request failed.","error":"X"}\n');
});
