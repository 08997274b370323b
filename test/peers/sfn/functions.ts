/**
 * The Lambda functions of both interpreters: the real handlers, each call noted, with what a situation puts around them.
 * A call belongs to the stage that is part of its function's name, so that one which goes on after its execution has
 * ended (a hung one, say) is no business of the next situation.
 */
import { createServer } from 'node:http';
import { HANDLERS } from '../../../lambdas/handlers.ts';
import type { Ports } from '../../../lambdas/ports.ts';
import { runWithPorts } from '../../../lambdas/runtime/handler.ts';
import { listen } from '../../../local/listen.ts';

/** What the Node.js runtime of Lambda posts for a thrown Error. */
export interface FunctionError {
  errorType: string;
  errorMessage: string;
}

export interface Call {
  fn: string;
  payload: unknown;
  error?: FunctionError;
}

export interface Hooked {
  /** Which call of this hook it is, from 1. */
  n: number;
  ports: Ports;
  collection: string;
  /** ARN of the stage's compaction machine. */
  compaction: string;
  /** Invokes the handler. */
  real: () => Promise<unknown>;
}

/** Stands around a handler: throws, waits, changes something first, or just invokes it. */
export type Hook = (call: Hooked) => Promise<unknown>;

/** By function, or by function and `phase` or `check` of its input: `AcquireLock:swap`. */
export type Hooks = Readonly<Record<string, Hook>>;

type Place = Pick<Hooked, 'ports' | 'collection' | 'compaction'>;
export type Behaviour = { hooks: Hooks } | { script: Script };

/** Stands for all handlers, when what a machine does with arbitrary answers is the question. */
export type Script = (fn: string, payload: unknown) => Promise<unknown>;

export class Functions {
  readonly calls: Call[] = [];
  readonly #place: Place;
  readonly #behaviour: Behaviour;
  readonly #counts = new Map<string, number>();

  constructor(place: Place, behaviour: Behaviour) {
    this.#place = place;
    this.#behaviour = behaviour;
  }

  async invoke(fn: string, payload: unknown): Promise<unknown> {
    const call: Call = { fn, payload: structuredClone(payload) };
    this.calls.push(call);
    try {
      return (await this.#answer(fn, payload)) ?? null;
    } catch (thrown) {
      const { name, message } = thrown as Error;
      call.error = { errorType: name, errorMessage: message };
      throw thrown;
    }
  }

  #answer(fn: string, payload: unknown): Promise<unknown> {
    if ('script' in this.#behaviour) return this.#behaviour.script(fn, payload);
    const real = () => runWithPorts(this.#place.ports, async () => HANDLERS[fn]?.(payload));
    const { hooks } = this.#behaviour;
    const { phase, check } = (payload ?? {}) as { phase?: string; check?: string };
    const key = [`${fn}:${phase ?? check}`, fn].find((name) => hooks[name] !== undefined);
    if (key === undefined) return real();
    const n = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, n);
    return (hooks[key] as Hook)({ ...this.#place, n, real });
  }
}

export interface Bridge {
  url: string;
  /** By the stage's name. */
  stages: Map<string, Functions>;
  close(): void;
}

/** Answers for Lambda, over HTTP: `{ function, payload }` with a function's ARN gives what Invoke gives. */
export async function startBridge(): Promise<Bridge> {
  const stages = new Map<string, Functions>();
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const { function: arn, payload } = JSON.parse(body) as { function: string; payload: unknown };
    const [stage = '', fn = ''] = (arn.split(':').at(-1) as string).split('_');
    const answer = await (stages.get(stage) as Functions).invoke(fn, payload).then(
      (Payload) => ({ Payload }),
      ({ name, message, stack = '' }: Error) => ({
        FunctionError: 'Unhandled',
        Payload: { errorType: name, errorMessage: message, trace: stack.split('\n') },
      }),
    );
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  const port = await listen(server, 'The bridge', 0, 'retry');
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${port}`, stages, close };
}
