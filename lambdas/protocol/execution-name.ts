/** Names of executions: at most 80 characters of letters, digits, `-` and `_`. */
import { hash } from 'node:crypto';

const MAX_NAME = 80;

/** `<collection, cut>-<what>-<16 hex of the digest of everything>`: readable in the console, and unique by content. */
export function executionName(collection: string, what: string, ...identity: string[]): string {
  const digest = hash('sha256', [collection, what, ...identity].join('\n'), 'hex').slice(0, 16);
  const tail = `-${what}-${digest}`;
  return `${collection.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, MAX_NAME - tail.length)}${tail}`;
}

/** Name of the execution that continues where `execution` stops: the same for every retry of the same hand-over. */
export function successorName(collection: string, execution: string): string {
  return executionName(collection, 'next', execution);
}

/** One name per collection and minute, so that a collection that keeps failing restarts at most once a minute. */
export function timeSlotName(collection: string, now: number): string {
  const minute = new Date(now).toISOString().slice(0, 16).replace(/[:T]/g, '-');
  return executionName(collection, `at-${minute}`);
}
