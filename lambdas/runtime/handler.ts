/** Makes a Lambda handler of a step: composes the ports once per container, and keeps the names of errors. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Ports } from '../ports.ts';
import { composePorts } from './compose.ts';
import { parseConfig } from './config.ts';
import { subjectOf } from './subject.ts';
import { type LambdaContext, PowertoolsTelemetry } from './telemetry.ts';
import type { Traces } from './tracing.ts';

export type Step<Input, Output> = (ports: Ports, input: Input) => Promise<Output>;
/** `context` is given by Lambda only. */
export type Handler<Input, Output> = (event: Input, context?: LambdaContext) => Promise<Output>;

const override = new AsyncLocalStorage<Ports>();
let composed: Promise<{ ports: Ports; traces: Traces }> | undefined;

const loadTracing = () => import('./tracing.ts');
/**
 * Loaded while Lambda initialises, which has more CPU than an invocation. Elsewhere it never is: X-Ray's SDK follows
 * every promise of a process, and a process of many short ones, as the local stack's, takes a third more time.
 */
const tracing = process.env.LAMBDA_TASK_ROOT === undefined ? undefined : loadTracing();

/**
 * Make a Lambda handler of a step. Errors pass through: Lambda reports `error.name` as the error type, which is what
 * the state machine matches. The step's own name is what logs and traces call it.
 */
export function makeHandler<Input, Output>(step: Step<Input, Output>): Handler<Input, Output> {
  return (event, context) => {
    const given = override.getStore();
    if (given !== undefined) return logged(step, given, event, context);
    composed ??= compose();
    return composed.then(({ ports, traces }) =>
      traces.step(step.name, subjectOf(event), () => logged(step, ports, event, context)),
    );
  };
}

/** Logs one line at the end of every step; all lines in between carry the same collection, execution and version. */
async function logged<Input, Output>(
  step: Step<Input, Output>,
  ports: Ports,
  event: Input,
  context: LambdaContext | undefined,
): Promise<Output> {
  const { telemetry } = ports;
  if (!(telemetry instanceof PowertoolsTelemetry)) return step(ports, event);
  const subject = subjectOf(event);
  telemetry.about(subject, context);
  try {
    const output = await step(ports, event);
    telemetry.about({ ...subject, ...subjectOf(output) }, context);
    telemetry.info('Done.', { step: step.name });
    return output;
  } catch (error) {
    telemetry.failed(step.name, error);
    throw error;
  }
}

/** Run handlers over ports other than the environment's, as the local stack and the tests do with the real handlers. */
export function runWithPorts<Result>(ports: Ports, task: () => Promise<Result>): Promise<Result> {
  return override.run(ports, task);
}

async function compose(): Promise<{ ports: Ports; traces: Traces }> {
  const { Traces } = await (tracing ?? loadTracing());
  const traces = new Traces();
  const ports = composePorts(parseConfig(process.env), new PowertoolsTelemetry(), { capture: traces.capture });
  return { ports, traces };
}
