/** The log of `compactor serve`, on standard error: one JSON object a line. */
import type { Telemetry } from '../lambdas/ports.ts';
import type { Metric } from '../lambdas/protocol/metrics.ts';

const MINUTE_MS = 60_000;

interface Series {
  samples: number;
  sum: number;
  most: number;
}

/** Logs what is opened and closed, what went wrong, and a summary of each minute with requests. */
export class ServeLog implements Telemetry {
  readonly #write: (line: string) => void;
  #minute = new Map<Metric, Series>();
  #timer: NodeJS.Timeout | undefined;

  constructor(write: (line: string) => void = (line) => void process.stderr.write(line)) {
    this.#write = write;
  }

  metric(metric: Metric, value: number): void {
    const { samples, sum, most } = this.#minute.get(metric) ?? { samples: 0, sum: 0, most: 0 };
    this.#minute.set(metric, { samples: samples + 1, sum: sum + value, most: Math.max(most, value) });
    this.#timer ??= setTimeout(() => this.flush(), MINUTE_MS).unref();
  }

  info(message: string, fields: Record<string, unknown> = {}): void {
    this.#line('info', message, fields);
  }

  warn(message: string, fields: Record<string, unknown> = {}): void {
    this.#line('warn', message, fields);
  }

  /** Writes nothing if there was no request since the last summary. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#minute.size === 0) return;
    const entries = [...this.#minute].map(([{ name }, { samples, sum, most }]) => {
      return [name, { samples, average: round(sum / samples), most: round(most) }];
    });
    this.#minute = new Map();
    this.#line('info', 'What was asked.', Object.fromEntries(entries));
  }

  #line(level: string, message: string, fields: Record<string, unknown>): void {
    this.#write(`${JSON.stringify({ level, message, ...fields })}\n`);
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
