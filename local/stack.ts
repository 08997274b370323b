/**
 * The embedded stack: a directory as object store, DynamoDB on disk, a cache directory, and Step Functions running the
 * real state machines with the real handlers. Everything listens on 127.0.0.1 and survives a restart.
 */
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SFNClient } from '@aws-sdk/client-sfn';
import { makeWritableFolder, withRoom } from '../lambdas/adapters/files/disk-errors.ts';
import { createDynamoClient } from '../lambdas/adapters/table/dynamo-client.ts';
import type { Ports } from '../lambdas/ports.ts';
import { composeOver } from '../lambdas/runtime/compose-over.ts';
import { type Config, parseConfig } from '../lambdas/runtime/config.ts';
import type { createConsole } from './console/console.ts';
import { LockEventStore, RecordedLocks } from './console/lock-events.ts';
import { FileAnnouncer } from './events.ts';
import { COMPACTION, registerMachines } from './machines.ts';
import { openLocalStore } from './open-store.ts';
import { LocalStepFunctions } from './sfn/executions.ts';
import { stateMachineArn } from './sfn/names.ts';
import { startSfnServer } from './sfn/server.ts';
import { STACK_FILE, type StackFile, writeStackFile } from './stack-file.ts';
import { startTable } from './table.ts';
import { FileTelemetry } from './telemetry.ts';
import type { TriggerOptions, Triggers } from './triggers.ts';

export interface LocalStackOptions {
  /** Holds everything. Used by one process at a time. */
  dataDirectory: string;
  /** Ports of the Step Functions endpoint and of the table; free ones by default. */
  port?: number;
  tablePort?: number;
  /** Overrides of the environment, e.g. `LOCK_DURATION_MINUTES` or `STORE_URL`. */
  env?: Record<string, string | undefined>;
  /**
   * Start executions for arriving deltas, and by the sweep. Off by default: a command's own stack lives for one task.
   */
  triggers?: TriggerOptions;
}

export interface LocalStack {
  config: Config;
  ports: Ports;
  sfn: SFNClient;
  stepFunctions: LocalStepFunctions;
  stateMachineArn: string;
  /** What a client in another process needs to know. */
  file: StackFile;
  close(): Promise<void>;
}

const TABLE_NAME = 'compactor';
const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };

/** @throws ConfigurationError (the directory or the port is in use, or a setting is impossible) */
export async function startStack(options: LocalStackOptions): Promise<LocalStack> {
  const data = resolve(options.dataDirectory);
  await withRoom(data, () => makeWritableFolder(data));
  const config = parseConfig({
    STORE_URL: pathToFileURL(join(data, 'store')).href,
    TABLE_NAME,
    CACHE_DIRECTORY: join(data, 'cache'),
    WORK_DIRECTORY: join(data, 'work'),
    ...options.env,
  });
  const store = await openLocalStore(config.storeUrl);
  const table = await startTable({
    dataDirectory: join(data, 'table'),
    tableName: config.tableName,
    ...(options.tablePort === undefined ? {} : { port: options.tablePort }),
  });
  const stepFunctions = new LocalStepFunctions({ dataDirectory: data });
  // The page reads through the ports, which need the server's address.
  let pages: ReturnType<typeof createConsole> = async () => undefined;
  const server = await startSfnServer({
    stepFunctions,
    pages: (request) => pages(request),
    ...(options.port === undefined ? {} : { port: options.port }),
  }).catch(async (error: unknown) => {
    // Servers that already listen would keep the process alive.
    await stepFunctions.close();
    await table.close();
    throw error;
  });
  const telemetry = new FileTelemetry(join(data, 'telemetry.jsonl'));
  const dynamo = createDynamoClient(table.clientConfig);
  const sfn = new SFNClient({ endpoint: server.url, region: 'us-east-1', credentials: CREDENTIALS });
  // The ARN of the machine is known only once it is registered, which needs the ports.
  const compactionArn = stateMachineArn(COMPACTION);
  const composed = composeOver({ ...config, stateMachineArn: compactionArn }, telemetry, {
    dynamo,
    sfn,
    store,
    announcer: new FileAnnouncer(data),
  });
  const lockEvents = new LockEventStore(data, composed.clock.now());
  const locks = new RecordedLocks(composed.locks, composed.clock, (event) => lockEvents.append(event));
  const ports: Ports = { ...composed, locks };
  registerMachines(stepFunctions, ports);
  const { storeUrl, tableName } = config;
  let opened: Promise<ReturnType<typeof createConsole>> | undefined;
  // Created on demand, since most commands show no page.
  pages = async (request) => {
    opened ??= import('./console/console.ts').then((console) =>
      console.createConsole({
        stepFunctions,
        ports: composed,
        locks: lockEvents,
        machine: COMPACTION,
        storeUrl,
        tableName,
      }),
    );
    return (await opened)(request);
  };
  const file: StackFile = {
    pid: process.pid,
    storeUrl: config.storeUrl,
    tableName: config.tableName,
    tableEndpoint: table.endpoint,
    sfnEndpoint: server.url,
    stateMachineArn: compactionArn,
  };
  await writeStackFile(data, file);
  let triggers: Triggers | undefined;
  if (options.triggers !== undefined) {
    const { startTriggers } = await import('./triggers.ts');
    triggers = await startTriggers({ ports, stepFunctions, machine: compactionArn }, options.triggers);
  }
  let closing: Promise<void> | undefined;
  const close = async () => {
    await rm(join(data, STACK_FILE), { force: true });
    await triggers?.close();
    await stepFunctions.close();
    await server.close();
    sfn.destroy();
    dynamo.destroy();
    await table.close();
    await telemetry.close();
    lockEvents.close();
  };
  return {
    config,
    ports,
    sfn,
    stepFunctions,
    stateMachineArn: compactionArn,
    file,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}
