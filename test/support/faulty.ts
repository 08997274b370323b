/**
 * Faults at the ports. A call is failed before it took effect, or after (a lost response), or something happens in
 * between: the pointer moves, the `LOCK` item is deleted, time passes, a delta arrives.
 */
import type { Engine, Ports } from '../../lambdas/ports.ts';

/** One call of a port method, e.g. `store.putIfMatch`; `session` stands for what `engine.open` gives. */
export interface Call {
  on: string;
  // biome-ignore lint/suspicious/noExplicitAny: each method has its own parameters.
  args: any[];
  /** What is behind the fault: calls on it are not seen. */
  // biome-ignore lint/suspicious/noExplicitAny: each port has its own methods.
  target: any;
}

export interface Fault {
  /** `<port>.<method>`, or `*` for every call. */
  on: string;
  /** Only calls that match, e.g. by key. */
  when?: (call: Call) => boolean;
  /** The first matching call that it applies to, from 1, and how many it applies to from there on: all by default. */
  from?: number;
  times?: number;
  /** Name of a state: only calls of its handler. */
  in?: string;
  /** Before the call takes effect; what this throws, the call throws. */
  before?: (call: Call) => unknown;
  /** After the call has taken effect; what this throws, the call throws: the response is lost. */
  after?: (call: Call) => unknown;
}

/** For `before` and `after`. */
export function throws(error: Error): () => never {
  return () => {
    throw error;
  };
}

const PORTS = ['store', 'locks', 'statuses', 'engine', 'directories', 'cache', 'executions', 'announcer'] as const;

/** The same ports with faults. Several faults apply to one call in their order. */
export function faulty<P extends Ports>(ports: P, faults: readonly Fault[]): P {
  if (faults.length === 0) return ports;
  const counted = faults.map((fault) => ({ fault, seen: 0 }));
  const applying: Applying = (call) =>
    counted.flatMap((entry) => {
      const { on, when, from = 1, times = Number.POSITIVE_INFINITY } = entry.fault;
      if ((on !== '*' && on !== call.on) || when?.(call) === false) return [];
      entry.seen++;
      return entry.seen >= from && entry.seen < from + times ? [entry.fault] : [];
    });
  const wrapped = PORTS.map((name) => [name, intercept(name, ports[name], applying)]);
  return { ...ports, ...Object.fromEntries(wrapped) };
}

function intercept<T extends object>(port: string, target: T, applying: Applying): T {
  return new Proxy(target, {
    get(_, property) {
      const value: unknown = Reflect.get(target, property, target);
      const on = `${port}.${String(property)}`;
      // `bytesWritten` is no call to the outside, and the only method that is not asynchronous.
      if (typeof value !== 'function' || on === 'cache.bytesWritten') return value;
      return (...args: unknown[]) => {
        const call: Call = { on, args, target };
        const perform = () => value.apply(target, args);
        return on === 'store.list' ? listing(perform, call, applying) : calling(perform, call, applying);
      };
    },
  });
}

type Applying = (call: Call) => Fault[];

async function calling(perform: () => unknown, call: Call, applying: Applying): Promise<unknown> {
  const faults = applying(call);
  for (const fault of faults) await fault.before?.(call);
  const result = await perform();
  for (const fault of faults) await fault.after?.(call);
  if (call.on === 'engine.open') return intercept('session', result as Awaited<ReturnType<Engine['open']>>, applying);
  return result;
}

/** A listing is one call from its first page to its last. */
async function* listing(perform: () => unknown, call: Call, applying: Applying): AsyncGenerator<unknown> {
  const faults = applying(call);
  for (const fault of faults) await fault.before?.(call);
  yield* perform() as AsyncIterable<unknown>;
  for (const fault of faults) await fault.after?.(call);
}
