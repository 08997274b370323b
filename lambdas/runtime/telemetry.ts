/** Logs and metrics by Powertools: structured lines and CloudWatch's embedded metric format. */
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Telemetry } from '../ports.ts';
import type { Metric } from '../protocol/metrics.ts';

export const NAMESPACE = 'ChromaCompactor';

const UNITS = {
  Count: MetricUnit.Count,
  Milliseconds: MetricUnit.Milliseconds,
  Seconds: MetricUnit.Seconds,
  Bytes: MetricUnit.Bytes,
} as const satisfies Record<Metric['unit'], string>;

export class PowertoolsTelemetry implements Telemetry {
  readonly logger = new Logger({ serviceName: 'chroma-compactor' });
  readonly #metrics = new Metrics({ namespace: NAMESPACE, serviceName: 'chroma-compactor' });

  metric(metric: Metric, value: number, { collection, phase }: { collection: string; phase?: string }): void {
    const single = this.#metrics.singleMetric();
    single.addDimensions(phase === undefined ? { Collection: collection } : { Collection: collection, Phase: phase });
    single.addMetric(metric.name, UNITS[metric.unit], value);
  }

  info(message: string, fields: Record<string, unknown> = {}): void {
    this.logger.info(message, fields);
  }

  warn(message: string, fields: Record<string, unknown> = {}): void {
    this.logger.warn(message, fields);
  }
}
