/** The ports of an application: a reader's or a producer's process, outside Lambda. */
import type { Ports, Telemetry } from '../ports.ts';
import { type Clients, composePorts } from './compose.ts';
import { parseConfig } from './config.ts';

export interface ConnectOptions {
  /** `s3://bucket/prefix`, or `file:///dir`. */
  storeUrl: string;
  /** DynamoDB table of the stack. Only producers that wait need it. */
  tableName?: string;
  /** Local disk for snapshots. Default: `/tmp/work`. */
  workDirectory?: string;
  /** Cache of packs and manifests, if there is one to share. Default: none that exists. */
  cacheDirectory?: string;
  /** To start executions. */
  stateMachineArn?: string;
  /** SDK clients of your own, e.g. for another region or the local stack. */
  clients?: Partial<Pick<Clients, 'dynamo' | 'sfn'>>;
  /** Where warnings go. Default: nowhere. */
  telemetry?: Telemetry;
}

const SILENT: Telemetry = { metric: () => {}, info: () => {}, warn: () => {} };

/** Nothing is called yet, so nothing fails here but the configuration. @throws ConfigurationError */
export function connect(options: ConnectOptions): Ports {
  const config = parseConfig({
    STORE_URL: options.storeUrl,
    TABLE_NAME: options.tableName ?? 'none',
    WORK_DIRECTORY: options.workDirectory,
    CACHE_DIRECTORY: options.cacheDirectory,
    STATE_MACHINE_ARN: options.stateMachineArn,
  });
  return composePorts(config, options.telemetry ?? SILENT, options.clients);
}
