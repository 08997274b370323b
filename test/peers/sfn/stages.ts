/**
 * The two interpreters, each with its Step Functions API: the project's own (`local/sfn`) and moto's. What they share is
 * the object store (moto's S3) and the table's server, in which each has a part of its own.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { SfnExecutions } from '../../../lambdas/adapters/sfn-executions.ts';
import { createDynamoClient } from '../../../lambdas/adapters/table/dynamo-client.ts';
import type { Ports } from '../../../lambdas/ports.ts';
import { composePorts } from '../../../lambdas/runtime/compose.ts';
import { parseConfig } from '../../../lambdas/runtime/config.ts';
import { COMPACTION, RELEASE_ABANDONED, readDefinition } from '../../../local/machines.ts';
import { LocalStepFunctions } from '../../../local/sfn/executions.ts';
import { startSfnServer } from '../../../local/sfn/server.ts';
import { systemTime } from '../../../local/sfn/time.ts';
import { createTable, startTable } from '../../../local/table.ts';
import { withoutWaits } from '../../support/without-waits.ts';
import { startServer } from '../servers.ts';
import type { Definition } from './definitions.ts';
import { type Behaviour, type Bridge, type Call, Functions, startBridge } from './functions.ts';

export const SIDES = ['here', 'moto'] as const;
export type Side = (typeof SIDES)[number];

const BUCKET = 'peers';
const ACCOUNTS: Record<Side, string> = { here: '000000000000', moto: '123456789012' };
const SERVER = new URL('moto_states.py', import.meta.url).pathname;
const ENVIRONMENT = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'peers', AWS_SECRET_ACCESS_KEY: 'peers' };

/** Both machines on one of the interpreters, for one situation. */
export interface Stage {
  side: Side;
  client: SFNClient;
  ports: Ports;
  collection: string;
  /** ARN of the compaction machine. */
  compaction: string;
  /** Registers the other machine and returns its ARN: few ask for it, and moto's parser takes its time. */
  release: () => Promise<string>;
  calls: Call[];
}

export interface StageOptions {
  /** Letters, digits and hyphens. Part of every name, so that no two stages meet. */
  name: string;
  behaviour: Behaviour;
  /** Changes to the compaction machine, e.g. shorter timeouts. */
  edit?: (definition: Definition) => void;
}

export interface Stages {
  open(side: Side, options: StageOptions): Promise<Stage>;
  close(): Promise<void>;
}

/** @param bin of the Python environment that has moto */
export async function openStages(bin: string): Promise<Stages> {
  Object.assign(process.env, ENVIRONMENT);
  const scratch = await mkdtemp(join(tmpdir(), 'compactor-peers-'));
  const bridge = await startBridge();
  const moto = await startServer({
    name: 'moto',
    command: (port) => [join(bin, 'python'), SERVER, String(port), bridge.url],
    readyPath: '/moto-api/data.json',
    isReady: ({ ok }) => ok,
  });
  process.env.AWS_ENDPOINT_URL_S3 = moto.url;
  const s3 = new S3Client({ forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const table = await startTable({ tableName: 'here' });
  const dynamo = createDynamoClient(table.clientConfig);
  await createTable(dynamo, 'moto');
  const stepFunctions = new LocalStepFunctions({ time: withoutWaits(systemTime) });
  const own = await startSfnServer({ stepFunctions });
  const clients = { here: new SFNClient({ endpoint: own.url }), moto: new SFNClient({ endpoint: moto.url }) };
  const silent = { metric: () => {}, info: () => {}, warn: () => {} };
  const portsOf = (side: Side) => {
    const config = parseConfig({
      STORE_URL: `s3://${BUCKET}/${side}`,
      TABLE_NAME: side,
      CACHE_DIRECTORY: join(scratch, side, 'cache'),
      WORK_DIRECTORY: join(scratch, side, 'work'),
    });
    return composePorts(config, silent, { dynamo, sfn: clients[side] });
  };
  const ports = { here: portsOf('here'), moto: portsOf('moto') };
  const register = { here: registerHere(stepFunctions), moto: registerOnMoto(clients.moto, bridge) };
  return {
    open: async (side, { name, behaviour, edit = () => {} }) => {
      const compaction = arnOf(side, `${COMPACTION}-${name}`);
      const mine = { ...ports[side], executions: new SfnExecutions(clients[side], compaction) };
      const functions = new Functions({ ports: mine, collection: name, compaction }, behaviour);
      const definition = JSON.parse(readDefinition(COMPACTION)) as Definition;
      edit(definition);
      await register[side](name, `${COMPACTION}-${name}`, definition, functions, compaction);
      return {
        side,
        client: clients[side],
        ports: mine,
        collection: name,
        compaction,
        release: async () => {
          const machine = `${RELEASE_ABANDONED}-${name}`;
          const successor = JSON.parse(readDefinition(RELEASE_ABANDONED)) as Definition;
          await register[side](name, machine, successor, functions, compaction);
          return arnOf(side, machine);
        },
        calls: functions.calls,
      };
    },
    close: async () => {
      await stepFunctions.close(0);
      await own.close();
      await moto.stop();
      bridge.close();
      for (const client of [dynamo, s3, ...Object.values(clients)]) client.destroy();
      await table.close();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

type Register = (
  stage: string,
  machine: string,
  definition: Definition,
  functions: Functions,
  compaction: string,
) => Promise<void>;

function registerHere(stepFunctions: LocalStepFunctions): Register {
  return async (_stage, name, definition, functions, compaction) => {
    const handlers: Record<string, (input: unknown) => Promise<unknown>> = {};
    for (const [state, { Resource = '' }] of Object.entries(definition.States)) {
      const fn = functionOf(Resource);
      if (fn !== undefined) handlers[state] = (input) => functions.invoke(fn, input);
    }
    stepFunctions.register({ name, definition, substitutions: { CompactionArn: compaction }, handlers });
  };
}

function registerOnMoto(client: SFNClient, bridge: Bridge): Register {
  return async (stage, name, definition, functions, compaction) => {
    bridge.stages.set(stage, functions);
    const text = JSON.stringify(definition)
      .replaceAll(/\$\{CompactionArn\}/g, compaction)
      .replaceAll(/\$\{(\w+)Arn\}/g, `arn:aws:lambda:us-east-1:${ACCOUNTS.moto}:function:${stage}_$1`);
    const roleArn = `arn:aws:iam::${ACCOUNTS.moto}:role/states`;
    await client.send(new CreateStateMachineCommand({ name, definition: text, roleArn }));
  };
}

function functionOf(resource: string): string | undefined {
  return /^\$\{(\w+)Arn\}$/.exec(resource)?.[1];
}

function arnOf(side: Side, machine: string): string {
  return `arn:aws:states:us-east-1:${ACCOUNTS[side]}:stateMachine:${machine}`;
}
