/** Logs and metrics by Powertools: structured lines and CloudWatch's embedded metric format. */
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Telemetry } from '../ports.ts';
import { type Metric, NAMESPACE } from '../protocol/metrics.ts';
import type { Subject } from './subject.ts';

const UNITS = {
  Count: MetricUnit.Count,
  Milliseconds: MetricUnit.Milliseconds,
  Seconds: MetricUnit.Seconds,
  Bytes: MetricUnit.Bytes,
} as const satisfies Record<Metric['unit'], string>;

export type LambdaContext = Parameters<Logger['addContext']>[0];

/** Of stacks that do not say otherwise by `POWERTOOLS_SERVICE_NAME`; a dimension of every metric. */
const SERVICE = 'chroma-compactor';

export class PowertoolsTelemetry implements Telemetry {
  readonly logger: Logger;
  readonly #metrics: Metrics;

  constructor() {
    const serviceName = process.env.POWERTOOLS_SERVICE_NAME ?? SERVICE;
    this.logger = new Logger({ serviceName });
    this.#metrics = new Metrics({ namespace: NAMESPACE, serviceName });
  }

  /** For the whole stack, which is what alarms read, and mostly for the collection, too. */
  metric(metric: Metric, value: number, { collection, phase }: { collection: string; phase?: string }): void {
    const byPhase: Record<string, string> = phase === undefined ? {} : { Phase: phase };
    const ofCollection = metric.byCollection ? [{ Collection: collection, ...byPhase }] : [];
    for (const dimensions of [...ofCollection, byPhase]) {
      this.#metrics.singleMetric().addDimensions(dimensions).addMetric(metric.name, UNITS[metric.unit], value);
    }
  }

  /** What every following line of the log is about, until the next call. */
  about(subject: Subject, context?: LambdaContext): void {
    this.logger.resetKeys();
    if (context !== undefined) this.logger.addContext(context);
    this.logger.appendKeys({ ...subject });
  }

  /** Whether this is a failure is the state machine's to decide: it retries, rebases, or goes on. */
  failed(step: string, error: unknown): void {
    this.logger.warn('Ended with an error.', { step, error: error instanceof Error ? error : String(error) });
  }

  info(message: string, fields: Record<string, unknown> = {}): void {
    this.logger.info(message, fields);
  }

  warn(message: string, fields: Record<string, unknown> = {}): void {
    this.logger.warn(message, fields);
  }
}
