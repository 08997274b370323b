/**
 * What a command works on: AWS when STORE_URL, TABLE_NAME and STATE_MACHINE_ARN are set, else the local stack of a data
 * directory: the one that runs there (`npm run local`), or one that lives as long as the command.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SFNClient } from '@aws-sdk/client-sfn';
import { createDynamoClient } from '../lambdas/adapters/table/dynamo-client.ts';
import type { Ports, Telemetry } from '../lambdas/ports.ts';
import { composePorts } from '../lambdas/runtime/compose.ts';
import { parseConfig } from '../lambdas/runtime/config.ts';
import { type LocalStack, startStack } from '../local/stack.ts';
import { readStackFile } from '../local/stack-file.ts';
import { teller } from './waiting-for.ts';

export interface Target {
  kind: 'aws' | 'local' | 'embedded';
  ports: Ports;
  sfn: SFNClient;
  stateMachineArn: string;
  /** @param isImpatient What still runs in an embedded stack is cut off. */
  close(isImpatient?: boolean): Promise<void>;
}

/** For executions that a command leaves running in its embedded stack. */
const PATIENCE_MS = 15 * 60 * 1_000;

const LOCAL_CLIENT = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
const SILENT: Telemetry = { metric: () => {}, info: () => {}, warn: () => {} };

/** @throws ConfigurationError */
export async function openTarget(dataDirectory: string, env: NodeJS.ProcessEnv = process.env): Promise<Target> {
  if (env.STATE_MACHINE_ARN !== undefined) return openAws(env);
  const running = await readStackFile(dataDirectory);
  if (running === undefined) {
    const stack = await startStack({ dataDirectory });
    const { ports, sfn, stateMachineArn } = stack;
    return {
      kind: 'embedded',
      ports,
      sfn,
      stateMachineArn,
      // Executions end with this process: let them end well.
      close: async (isImpatient = false) => {
        if (!isImpatient) await idle(stack);
        await stack.close();
      },
    };
  }
  const dynamo = createDynamoClient({ endpoint: running.tableEndpoint, ...LOCAL_CLIENT });
  const sfn = new SFNClient({ endpoint: running.sfnEndpoint, ...LOCAL_CLIENT });
  const config = parseConfig({
    STORE_URL: running.storeUrl,
    TABLE_NAME: running.tableName,
    STATE_MACHINE_ARN: running.stateMachineArn,
    CACHE_DIRECTORY: join(dataDirectory, 'cache'),
    WORK_DIRECTORY: join(dataDirectory, 'work'),
  });
  const close = async () => {
    dynamo.destroy();
    sfn.destroy();
  };
  const ports = composePorts(config, SILENT, { dynamo, sfn });
  return { kind: 'local', ports, sfn, stateMachineArn: running.stateMachineArn, close };
}

async function openAws(env: NodeJS.ProcessEnv): Promise<Target> {
  const scratch = await mkdtemp(join(tmpdir(), 'compactor-'));
  const config = parseConfig({
    ...env,
    CACHE_DIRECTORY: join(scratch, 'cache'),
    WORK_DIRECTORY: join(scratch, 'work'),
  });
  const sfn = new SFNClient({});
  const dynamo = createDynamoClient();
  const close = async () => {
    dynamo.destroy();
    sfn.destroy();
    await rm(scratch, { recursive: true, force: true });
  };
  const ports = composePorts(config, SILENT, { sfn, dynamo });
  return { kind: 'aws', ports, sfn, stateMachineArn: config.stateMachineArn ?? '', close };
}

/** Until nothing runs any more; not for ever: cutting an execution off is like a crash, which the next one repairs. */
async function idle({ stepFunctions }: LocalStack): Promise<void> {
  const tell = teller();
  const timer = setInterval(() => tell('executions of this stack are still running, and end with this command'), 500);
  const limit = new AbortController();
  const patience = delay(PATIENCE_MS, undefined, { signal: limit.signal }).catch(() => {});
  await Promise.race([stepFunctions.idle(), patience]);
  limit.abort();
  clearInterval(timer);
}
