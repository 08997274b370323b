/** What every Lambda handler is: a step, the ports composed once per container, and the error's name kept. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Ports } from '../ports.ts';
import { composePorts } from './compose.ts';
import { parseConfig } from './config.ts';
import { PowertoolsTelemetry } from './telemetry.ts';

export type Step<Input, Output> = (ports: Ports, input: Input) => Promise<Output>;
export type Handler<Input, Output> = (event: Input) => Promise<Output>;

const override = new AsyncLocalStorage<Ports>();
let composed: Ports | undefined;

/**
 * Make a Lambda handler of a step. Errors pass through: Lambda reports `error.name` as the error type, which is what
 * the state machine matches.
 */
export function makeHandler<Input, Output>(step: Step<Input, Output>): Handler<Input, Output> {
  return (event) => {
    const ports = currentPorts();
    if (ports.telemetry instanceof PowertoolsTelemetry) ports.telemetry.about(contextOf(event));
    return step(ports, event);
  };
}

/** Collection, execution and base version, wherever the input of a step has them. */
function contextOf(event: unknown): { collection?: unknown; execution?: unknown; version?: unknown } {
  const { input, state, ...own } = Object(event) as Record<string, unknown>;
  const { collection, execution, base } = { ...Object(input), ...own, ...Object(state) } as Record<string, unknown>;
  return { collection, execution, version: (Object(base) as { version?: unknown }).version };
}

/** Run handlers over other ports than the environment's: the local stack and the tests use the real handlers so. */
export function runWithPorts<Result>(ports: Ports, task: () => Promise<Result>): Promise<Result> {
  return override.run(ports, task);
}

function currentPorts(): Ports {
  const given = override.getStore();
  if (given !== undefined) return given;
  composed ??= composePorts(parseConfig(process.env), new PowertoolsTelemetry());
  return composed;
}
