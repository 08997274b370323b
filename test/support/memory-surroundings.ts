/** Executions, announcements and reports, kept in memory. */
import type { Announcer, ExecutionStatus, Executions, Refusal, Telemetry } from '../../lambdas/ports.ts';
import type { CompactionCommitted } from '../../lambdas/protocol/announcement.ts';
import type { Metric } from '../../lambdas/protocol/metrics.ts';

/** Records what is started; `onStart` may run it. */
export class MemoryExecutions implements Executions {
  readonly started = new Map<string, { collection: string }>();
  readonly statuses = new Map<string, ExecutionStatus>();
  onStart: (name: string, input: { collection: string }) => void = () => {};

  async start(name: string, input: { collection: string }): Promise<'started' | 'exists'> {
    if (this.started.has(name)) return 'exists';
    this.started.set(name, input);
    this.onStart(name, input);
    return 'started';
  }

  async status(arn: string): Promise<ExecutionStatus | undefined> {
    return this.statuses.get(arn);
  }
}

/** Keeps what is announced. */
export class MemoryAnnouncer implements Announcer {
  readonly announced: CompactionCommitted[] = [];

  async announce(announcements: readonly CompactionCommitted[]): Promise<Refusal[]> {
    this.announced.push(...announcements);
    return [];
  }
}

/** Keeps what the steps report. */
export class MemoryTelemetry implements Telemetry {
  readonly metrics: Array<{ name: string; value: number; collection: string; phase?: string }> = [];
  readonly warnings: string[] = [];

  metric({ name }: Metric, value: number, dimensions: { collection: string; phase?: string }): void {
    this.metrics.push({ name, value, ...dimensions });
  }

  info(): void {}

  warn(message: string): void {
    this.warnings.push(message);
  }

  /** Sum of all values of a metric. */
  sum({ name }: Metric): number {
    return this.metrics.filter((metric) => metric.name === name).reduce((sum, { value }) => sum + value, 0);
  }
}
