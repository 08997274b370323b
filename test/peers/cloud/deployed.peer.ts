/**
 * The stack that moto holds, at work: functions are the bundles of its assets with the environment that moto's Lambda
 * gives back, machines run on moto's interpreter, objects, items, queues and executions are moto's.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DeleteBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import {
  DescribeExecutionCommand,
  ListExecutionsCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ObjectNotFoundError, UnsafeStoreError } from '../../../lambdas/errors/errors.ts';
import type { Ports } from '../../../lambdas/ports.ts';
import { putDelta } from '../../../lambdas/producer/put-delta.ts';
import { applicationPorts } from '../../../lambdas/runtime/connect.ts';
import { packKey } from '../../../lambdas/snapshot/keys.ts';
import { createCollection } from '../../../lambdas/upkeep/create-collection.ts';
import { readPointer } from '../../../lambdas/versions/read-pointer.ts';
import { describeWith, pythonRuntime } from '../runtimes.ts';
import { type Cloud, openCloud } from './cloud.ts';
import { DeployedFunctions, startBridge } from './functions.ts';

/** As S3 documents it: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html */
function notification(key: string, eventName = 'ObjectCreated:Put'): string {
  const owner = { principalId: 'A3NL1KOZZKExample' };
  const s3 = {
    s3SchemaVersion: '1.0',
    configurationId: 'testConfigRule',
    bucket: { name: 'amzn-s3-demo-bucket', ownerIdentity: owner, arn: 'arn:aws:s3:::amzn-s3-demo-bucket' },
    object: { key, size: 1_024, eTag: 'd41d8cd98f00b204e9800998ecf8427e', sequencer: '0055AED6DCD90281E5' },
  };
  const record = {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    awsRegion: 'us-west-2',
    eventTime: '1970-01-01T00:00:00.000Z',
    eventName,
    userIdentity: { principalId: 'AIDAJDPLRKLG7UEXAMPLE' },
    requestParameters: { sourceIPAddress: '127.0.0.1' },
    responseElements: { 'x-amz-request-id': 'C3D13FE58DE4C810', 'x-amz-id-2': 'FMyUVURIY8' },
    s3,
  };
  return JSON.stringify({ Records: [record] });
}

/** What S3 sends when a notification is configured. */
const TEST_EVENT = JSON.stringify({
  Service: 'Amazon S3',
  Event: 's3:TestEvent',
  Time: '2014-10-13T15:57:02.089Z',
  Bucket: 'amzn-s3-demo-bucket',
  RequestId: '5582815E1AEA5ADF',
  HostId: '8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE',
});

let sent = 0;

/** As a queue invokes a Lambda: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html */
function messages(body: string): object {
  return {
    Records: [
      {
        messageId: `059f36b4-87a3-44ab-83d2-${String(++sent).padStart(12, '0')}`,
        receiptHandle: 'AQEB',
        body,
        attributes: { ApproximateReceiveCount: '1' },
        messageAttributes: {},
        md5OfBody: 'e4e68fb7bd0e697a0ae8f1bb342846b3',
        eventSource: 'aws:sqs',
        eventSourceARN: 'arn:aws:sqs:us-east-2:123456789012:my-queue',
        awsRegion: 'us-east-2',
      },
    ],
  };
}

const python = await pythonRuntime();

describeWith('the deployed stack', python, (bin) => {
  const functions = new DeployedFunctions();
  let scratch: string;
  let bridge: Awaited<ReturnType<typeof startBridge>>;
  let cloud: Cloud;
  let sfn: SFNClient;
  let ports: Ports;
  let machine: string;

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'peers-cloud-'));
    bridge = await startBridge(functions);
    cloud = await openCloud(bin, bridge.url);
    functions.start(cloud, scratch);
    const { StoreUrl = '', TableName = '', StateMachineArn = '' } = cloud.report.outputs;
    machine = StateMachineArn;
    Object.assign(process.env, { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' });
    Object.assign(process.env, { AWS_ENDPOINT_URL: cloud.moto.url, AWS_ENDPOINT_URL_S3: cloud.moto.url });
    sfn = new SFNClient({});
    // moto 5.2.5 takes each Deny of a bucket policy for unconditional, and refuses everything by this one.
    const s3 = new S3Client({ forcePathStyle: true });
    await s3.send(new DeleteBucketPolicyCommand({ Bucket: StoreUrl.slice('s3://'.length) }));
    ports = applicationPorts({ storeUrl: StoreUrl, tableName: TableName, stateMachineArn: machine });
    // moto 5.2 looks at a condition and writes then: of racing requests sometimes two are done, which `create` refuses.
    const pets = { collection: 'pets', dimension: 3, space: 'l2', creator: 'peers' } as const;
    for (let tries = 1; ; tries++) {
      try {
        await createCollection(ports, pets);
        break;
      } catch (error) {
        if (!(error instanceof UnsafeStoreError && /racing/.test(error.message)) || tries === 20) throw error;
      }
    }
  });

  afterAll(async () => {
    functions.stop();
    bridge?.close();
    await cloud?.close();
    await rm(scratch, { recursive: true, force: true });
  });

  const submit = (n: number, more = '') =>
    putDelta(ports, {
      collection: 'pets',
      deltaId: `d-${n}`,
      body: Buffer.from(`{"op":"upsert","id":"r-${n}","embedding":[${n},0,1]}\n${more}`),
    });

  async function executions(): Promise<string[]> {
    const { executions: all = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn: machine }));
    return all.map(({ executionArn = '' }) => executionArn);
  }

  async function ended(executionArn: string) {
    for (;;) {
      const described = await sfn.send(new DescribeExecutionCommand({ executionArn }));
      if (described.status !== 'RUNNING') return described;
      await delay(100);
    }
  }

  /** What starts while `task` runs, once it has ended. */
  async function started(task: () => Promise<unknown>) {
    const before = new Set(await executions());
    await task();
    for (;;) {
      const fresh = (await executions()).filter((arn) => !before.has(arn));
      if (fresh.length > 0) return Promise.all(fresh.map(ended));
      await delay(100);
    }
  }

  const statuses = async (...numbers: number[]) => {
    const found = await ports.statuses.getStatuses(
      'pets',
      numbers.map((n) => `d-${n}`),
    );
    return numbers.map((n) => found.get(`d-${n}`)?.outcome);
  };

  it('commits a delta by its notification', async () => {
    await submit(1, '{"op":"upsert","id":"bad","embedding":[1]}\n');

    const [execution, ...others] = await started(async () => {
      const { Payload } = await functions.invoke('StartCompaction', messages(notification('deltas/pets/d-1')));
      expect(Payload).toEqual({ batchItemFailures: [] });
    });

    expect([execution?.status, others]).toEqual(['SUCCEEDED', []]);
    expect(JSON.parse(execution?.output ?? '')).toMatchObject({ committed: { version: 1, records: 1, deltas: 1 } });
    expect(await statuses(1)).toEqual(['applied']);
  });

  it('finds by the sweep what nobody spoke of', async () => {
    await submit(2);

    const [execution] = await started(() =>
      functions.invoke('Sweep', { version: '0', 'detail-type': 'Scheduled Event' }),
    );

    expect(execution?.status).toBe('SUCCEEDED');
    expect(await statuses(2)).toEqual(['applied']);
  });

  it("frees what a stopped execution holds, by the rule's own input, and its successor goes on", async () => {
    await submit(3);
    const input = '{"collection":"pets"}';
    const dead = await sfn.send(new StartExecutionCommand({ stateMachineArn: machine, name: 'to-stop', input }));
    const executionArn = dead.executionArn as string;
    while ((await ports.locks.readLock('pets'))?.claimOwner !== executionArn) await delay(5);
    await sfn.send(new StopExecutionCommand({ executionArn }));
    const { status } = await ended(executionArn);
    const detail = { executionArn, stateMachineArn: machine, name: 'to-stop', status, input, output: null };

    const successors = await started(async () => {
      const release = await sfn.send(
        new StartExecutionCommand({
          stateMachineArn: cloud.report.outputs.ReleaseMachineArn,
          input: JSON.stringify({ ...detail, inputDetails: { included: true }, outputDetails: null }),
        }),
      );
      expect(await ended(release.executionArn as string)).toMatchObject({ status: 'SUCCEEDED' });
    });

    expect(status).toBe('ABORTED');
    expect(successors.map((each) => each.status)).toEqual(['SUCCEEDED']);
    expect((await ports.locks.readLock('pets'))?.claimOwner).toBeUndefined();
    expect(await statuses(1, 2, 3)).toEqual(['applied', 'applied', 'applied']);
    expect((await readPointer(ports, 'pets')).pointer).toMatchObject({ version: 3, records: 3 });
  });

  it('collects garbage', async () => {
    const orphan = packKey('pets', ports.ids.ulid(), 0);
    await ports.store.putIfAbsent(orphan, Buffer.from('orphan'));

    const { Payload, FunctionError } = await functions.invoke('CollectGarbage', {});

    expect([FunctionError, Payload]).toEqual([undefined, expect.anything()]);
    expect((await readPointer(ports, 'pets')).pointer).toMatchObject({ version: 3, fence: 1 });
    await expect(ports.store.head(orphan)).rejects.toThrow(ObjectNotFoundError);
  });

  const SHAPES: Array<[string, string, string[]]> = [
    ['a test event', TEST_EVENT, []],
    ['a PUT', notification('deltas/shapes-one/d-1'), ['shapes-one']],
    [
      'an upload of parts',
      notification('deltas/shapes-two/d-1', 'ObjectCreated:CompleteMultipartUpload'),
      ['shapes-two'],
    ],
    ['a key in URL encoding', notification('deltas/shapes%2Dthree/a%2Bb'), []],
    ['a removal', notification('deltas/shapes-four/d-1', 'ObjectRemoved:Delete'), []],
    ['another prefix', notification('packs/shapes-five/d-1'), []],
    ['no JSON', 'hello', []],
    [
      'two records',
      JSON.stringify({
        Records: [
          ...JSON.parse(notification('deltas/shapes-six/a')).Records,
          ...JSON.parse(notification('deltas/shapes-seven/b')).Records,
        ],
      }),
      ['shapes-seven', 'shapes-six'],
    ],
  ];

  it.each(SHAPES)('starts what a message with %s speaks of', async (_, body, collections) => {
    const before = new Set(await executions());

    const { Payload, FunctionError } = await functions.invoke('StartCompaction', messages(body));

    expect([FunctionError, Payload]).toEqual([undefined, { batchItemFailures: [] }]);
    const fresh = (await executions()).filter((arn) => !before.has(arn));
    const inputs = await Promise.all(fresh.map(async (arn) => JSON.parse((await ended(arn)).input ?? '')));
    expect(inputs.map(({ collection }) => collection).sort()).toEqual(collections);
  });
});
