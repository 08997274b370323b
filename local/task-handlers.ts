/**
 * The real handlers, as functions for Task states. In a file of its own, because importing it loads the whole product.
 */
import { HANDLERS } from '../lambdas/handlers.ts';
import type { Ports } from '../lambdas/ports.ts';
import { runWithPorts } from '../lambdas/runtime/handler.ts';

// biome-ignore lint/suspicious/noExplicitAny: what a handler gets is decided by the ASL file.
export type TaskHandler = (input: any) => Promise<any>;

/** The handler of every Task state of an ASL file, by state name, over the given ports. */
export function taskHandlers(definition: string, ports: Ports): Record<string, TaskHandler> {
  const { States } = JSON.parse(definition) as { States: Record<string, { Type: string; Resource?: string }> };
  const handlers: Record<string, TaskHandler> = {};
  for (const [state, { Resource = '' }] of Object.entries(States)) {
    const handler = HANDLERS[/^\$\{(\w+)Arn\}$/.exec(Resource)?.[1] ?? ''];
    if (handler !== undefined) handlers[state] = (input) => runWithPorts(ports, () => handler(input));
  }
  return handlers;
}
