/** The ports of an application: a reader's or a producer's process, outside Lambda. */
import type { Ports, Telemetry } from '../ports.ts';
import { ConfigurationError } from '../protocol/errors.ts';
import { type Clients, composePorts } from './compose.ts';
import { parseConfig } from './config.ts';

export interface ConnectOptions {
  /** `s3://bucket/prefix`, or `file:///dir`. */
  storeUrl: string;
  /** DynamoDB table of the stack. Readers, and producers that do not wait, need none. */
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

/**
 * Nothing is called yet, so nothing fails here but the configuration. Without `tableName`, whatever needs the table
 * (waiting for a delta, creating a collection) fails with a ConfigurationError.
 * @throws ConfigurationError
 */
export function connect(options: ConnectOptions): Ports {
  const config = parseConfig({
    STORE_URL: options.storeUrl,
    TABLE_NAME: options.tableName ?? 'unnamed',
    WORK_DIRECTORY: options.workDirectory,
    CACHE_DIRECTORY: options.cacheDirectory,
    STATE_MACHINE_ARN: options.stateMachineArn,
  });
  const ports = composePorts(config, options.telemetry ?? SILENT, options.clients);
  return options.tableName === undefined ? { ...ports, locks: unnamed(), statuses: unnamed() } : ports;
}

/** In the place of a table: its very name may go nowhere, least of all into the pointer of a new collection. */
function unnamed<Table extends object>(): Table {
  return new Proxy({} as Table, {
    get: () => {
      throw new ConfigurationError(
        'This needs the DynamoDB table of the stack, and none was named. Give `tableName` to `connect`; the stack has ' +
          'it as its output TableName, and the local stack in the file stack.json of its data directory.',
      );
    },
  });
}
