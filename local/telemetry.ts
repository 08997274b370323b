/** Logs and metrics of the local stack: JSON lines in a file, separate from printed output. */
import { createWriteStream, type WriteStream } from 'node:fs';
import type { Telemetry } from '../lambdas/ports.ts';
import type { Metric } from '../lambdas/protocol/metrics.ts';

export class FileTelemetry implements Telemetry {
  readonly #file: WriteStream;

  constructor(path: string) {
    this.#file = createWriteStream(path, { flags: 'a' });
  }

  metric(metric: Metric, value: number, dimensions: { collection: string; phase?: string }): void {
    this.#write({ metric: metric.name, value, unit: metric.unit, ...dimensions });
  }

  info(message: string, fields: Record<string, unknown> = {}): void {
    this.#write({ level: 'info', message, ...fields });
  }

  warn(message: string, fields: Record<string, unknown> = {}): void {
    this.#write({ level: 'warn', message, ...fields });
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#file.end(resolve));
  }

  #write(line: Record<string, unknown>): void {
    this.#file.write(`${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
  }
}
