/** What runs as a Lambda in a world: the product's own handlers, and how long each may take. */
import { handler as collectGarbageHandler } from '../../lambdas/collect-garbage.ts';
import { HANDLERS } from '../../lambdas/handlers.ts';
import { makeHandler } from '../../lambdas/runtime/handler.ts';
import { handler as startCompactionHandler } from '../../lambdas/start-compaction.ts';
import { handler as sweepHandler } from '../../lambdas/sweep.ts';
import { rollback } from '../../lambdas/upkeep/rollback.ts';

type AnyHandler = (input: never) => Promise<unknown>;
const OTHERS: Record<string, AnyHandler> = {
  CollectGarbage: collectGarbageHandler as AnyHandler,
  StartCompaction: startCompactionHandler as AnyHandler,
  Sweep: sweepHandler as AnyHandler,
  // No Lambda, but a process like any other, which may die or be given up.
  Rollback: makeHandler(rollback) as AnyHandler,
};
const TIMEOUT_MS: Record<string, number> = {
  ...{ Rollback: 600_000, StartCompaction: 30_000, CollectGarbage: 900_000, Sweep: 300_000 },
};

export function handlerOf(name: string): (input: unknown) => Promise<unknown> {
  return (HANDLERS[name] ?? OTHERS[name]) as (input: unknown) => Promise<unknown>;
}

/** Milliseconds. */
export function timeoutOf(name: string): number {
  return TIMEOUT_MS[name] ?? 60_000;
}
