/** The way in for an application: a reader's or a producer's process, outside Lambda. */

import { ConfigurationError } from '../errors/errors.ts';
import type { Executions, Ports, Telemetry } from '../ports.ts';
import { type Clients, composePorts } from './compose.ts';
import { parseConfig } from './config.ts';
import { Connection, type MachineConnection, type StoreConnection, type TableConnection } from './connection.ts';
import { type Members, refuseUnknown } from './refuse-unknown.ts';

export interface ConnectOptions {
  /** `s3://bucket/prefix`, or `file:///dir`. */
  storeUrl: string;
  /** DynamoDB table of the stack. Readers, and producers that do not wait, need none. */
  tableName?: string | undefined;
  /** State machine of the stack. Needed only to start compactions. */
  stateMachineArn?: string | undefined;
  /** Local disk for snapshots. Default: `/tmp/work`. */
  workDirectory?: string;
  /** Cache of packs and manifests, if there is one to share. Default: none that exists. */
  cacheDirectory?: string;
  /** SDK clients of your own, e.g. for another region or the local stack. */
  clients?: Partial<Pick<Clients, 'dynamo' | 'sfn'>>;
  /** Where warnings go. Default: nowhere. */
  telemetry?: Telemetry;
}

interface WithTable {
  tableName: string;
}
interface WithMachine {
  stateMachineArn: string;
}

const SILENT: Telemetry = { metric: () => {}, info: () => {}, warn: () => {} };

/**
 * Connect an application. Nothing is called yet, so nothing fails here but the configuration. What can be done follows
 * from what is named: `submit` and `openReader` by the store alone, `wait` and `createCollection` with `tableName`, `start`
 * with `stateMachineArn`. A call whose name was not given fails with a ConfigurationError.
 * @throws ConfigurationError, InvalidInputError (an option that is not known)
 */
export function connect(
  options: ConnectOptions & WithTable & WithMachine,
): StoreConnection & TableConnection & MachineConnection;
export function connect(options: ConnectOptions & WithTable): StoreConnection & TableConnection;
export function connect(options: ConnectOptions & WithMachine): StoreConnection & MachineConnection;
export function connect(options: ConnectOptions): StoreConnection;
export function connect(options: ConnectOptions): StoreConnection {
  return new Connection(applicationPorts(options), { hasTable: options.tableName !== undefined });
}

/** The ports of an application. @throws ConfigurationError, InvalidInputError (an option that is not known) */
export function applicationPorts(options: ConnectOptions): Ports {
  refuseUnknown('What `connect` is given', options, OPTIONS);
  const { tableName, stateMachineArn } = options;
  const config = parseConfig({
    STORE_URL: options.storeUrl,
    TABLE_NAME: tableName ?? 'unnamed',
    WORK_DIRECTORY: options.workDirectory,
    CACHE_DIRECTORY: options.cacheDirectory,
    STATE_MACHINE_ARN: stateMachineArn,
  });
  const ports = composePorts(config, options.telemetry ?? SILENT, options.clients);
  return {
    ...ports,
    ...(tableName === undefined ? { locks: unnamed(TABLE), statuses: unnamed(TABLE) } : {}),
    ...(stateMachineArn === undefined ? { executions: unnamed<Executions>(MACHINE) } : {}),
  };
}

const OPTIONS: Members<ConnectOptions> = {
  storeUrl: true,
  tableName: true,
  stateMachineArn: true,
  workDirectory: true,
  cacheDirectory: true,
  clients: true,
  telemetry: true,
};

const TABLE =
  'This needs the DynamoDB table of the stack, and none was named. Give `tableName` to `connect`; the stack has it as its ' +
  'output TableName, and the local stack in the file stack.json of its data directory.';
const MACHINE =
  'This needs the state machine of the stack, and none was named. Give `stateMachineArn` to `connect`; the stack has it as ' +
  'its output StateMachineArn, and the local stack in the file stack.json of its data directory.';

/** In the place of what was not named: its very name may go nowhere, least of all into the pointer of a new collection. */
function unnamed<Port extends object>(message: string): Port {
  return new Proxy({} as Port, {
    get: () => {
      throw new ConfigurationError(message);
    },
  });
}
