import type { SleepReason, Time } from '../../local/sfn/time.ts';

/**
 * Like `time`, but waits and retries take no time; each is reported to `onSleep` with the milliseconds it would have
 * taken. Timeouts stay as they are.
 */
export function withoutWaits(time: Time, onSleep: (ms: number, reason: SleepReason) => void = () => {}): Time {
  return {
    now: () => time.now(),
    sleep: async (ms, signal, reason) => {
      if (reason === 'task-timeout' || reason === 'execution-timeout') return time.sleep(ms, signal, reason);
      onSleep(ms, reason);
    },
  };
}
