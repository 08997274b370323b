/** What the situations read from the ASL files, so that a number stands in one place. */
import { readDefinition } from '../../../local/machines.ts';

export interface Retrier {
  ErrorEquals: string[];
  MaxAttempts?: number;
}

export interface State {
  Type: string;
  Resource?: string;
  TimeoutSeconds?: number;
  Retry?: Retrier[];
}

export interface Definition {
  TimeoutSeconds?: number;
  States: Record<string, State>;
}

const COMPACTION = JSON.parse(readDefinition('compaction')) as Definition;

/** How often a Task is attempted when every attempt ends in this error. */
export function attemptsOf(state: string, error: string): number {
  const retrier = COMPACTION.States[state]?.Retry?.find(({ ErrorEquals }) => ErrorEquals.includes(error));
  return (retrier?.MaxAttempts ?? 0) + 1;
}

/** Every error name that a retrier of the machine names. */
export function namedErrors(): string[] {
  const retriers = Object.values(COMPACTION.States).flatMap(({ Retry = [] }) => Retry);
  return [...new Set(retriers.flatMap(({ ErrorEquals }) => ErrorEquals))].sort();
}
