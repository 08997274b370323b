/** Formats numbers, times and names for people. */
import { timeZone } from './zone.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** `ms` may be fractional; never more than two units. */
export function duration(ms: number): string {
  if (ms < 1) return '< 1 ms';
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1_000)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function count(value: number): string {
  return value.toLocaleString('en');
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** In the chosen time zone; with the day only if it is not today. */
export function time(ms: number, now = Date.now()): string {
  return day(ms) === day(now) ? clock(ms) : `${day(ms)} ${clock(ms)}`;
}

/** `hh:mm:ss` in the chosen time zone. */
export function clock(ms: number): string {
  return new Date(ms).toLocaleTimeString('en-GB', { timeZone: timeZone() });
}

export function preciseTime(ms: number): string {
  return `${clock(ms)}.${String(Math.floor(ms % 1_000)).padStart(3, '0')}`;
}

export function fullTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** The last part of an ARN. */
export function shortName(arn: string): string {
  return arn.split(':').at(-1) ?? arn;
}

/** Lambda's cause is JSON; only its message is shown. */
export function messageOf(cause: string | null): string {
  if (cause === null) return '';
  try {
    const { errorMessage } = Object(JSON.parse(cause)) as { errorMessage?: unknown };
    return typeof errorMessage === 'string' ? errorMessage : cause;
  } catch {
    return cause;
  }
}

/** `yyyy-mm-dd`, as Swedes write it. */
function day(ms: number): string {
  return new Date(ms).toLocaleDateString('sv', { timeZone: timeZone() });
}
