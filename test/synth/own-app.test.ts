/** The example of docs/how-to/deploy-in-your-own-app.md as printed, and what the construct makes of what it is given. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { App, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { beforeAll, describe, expect, it } from 'vitest';
import { Compactor, type CompactorProps, storePolicy } from '../../cdk/index.ts';
import { CACHE_VERBS } from '../../cdk/verbs.ts';
import { listOf, type Resource, type Statement, sharedOutdir, shown } from './support.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGE = join(ROOT, 'docs/how-to/deploy-in-your-own-app.md');
const CONTAINER_PAGE = join(ROOT, 'docs/how-to/run-an-endpoint-in-a-container.md');

describe('the example', () => {
  let resources: Record<string, Resource>;
  const ofType = (type: string) => Object.entries(resources).filter(([, { Type }]) => Type === type);
  const only = (type: string) => {
    const found = ofType(type);
    expect(found, type).toHaveLength(1);
    return found[0] as [string, Resource];
  };
  const statementsOf = (document: string, type: string) =>
    ofType(type).flatMap(([, { Properties }]) => Properties[document].Statement as Statement[]);

  beforeAll(async () => {
    resources = await synthesiseExample();
  });

  it('uses the VPC, the bucket and the key that are there, and makes no others', () => {
    const [vpc] = only('AWS::EC2::VPC');
    const [bucket] = only('AWS::S3::Bucket');
    expect([vpc.slice(0, 3), bucket.slice(0, 5)]).toEqual(['Vpc', 'Store']);
    // Of the alarms' topic, and the example's own.
    expect(
      ofType('AWS::KMS::Key')
        .map(([id]) => id.replace(/[0-9A-F]{8}$/, ''))
        .sort(),
    ).toEqual(['CompactorAlarmsTopicKey', 'Key']);
    expect(ofType('AWS::EC2::VPCEndpoint').map(([id]) => id.slice(0, 3))).toEqual(['Vpc', 'Vpc']);
  });

  it('encrypts table and cache with that key', () => {
    const [key] = ofType('AWS::KMS::Key').find(([id]) => id.startsWith('Key')) ?? [];
    const [, { Properties: table }] = only('AWS::DynamoDB::Table');
    const [, { Properties: cache }] = only('AWS::EFS::FileSystem');
    expect(shown(table.SSESpecification.KMSMasterKeyId)).toBe(`<${key}.Arn>`);
    expect(shown(cache.KmsKeyId)).toBe(`<${key}.Arn>`);
  });

  it('gives the bucket its rules, its policy and its notification', () => {
    const [, { Properties }] = only('AWS::S3::Bucket');
    expect(Properties.LifecycleConfiguration.Rules.map(({ Id }: { Id: string }) => Id)).toEqual([
      ...['abandoned-uploads', 'old-versions', 'old-inbox', 'old-rejections'],
    ]);
    const sids = statementsOf('PolicyDocument', 'AWS::S3::BucketPolicy').flatMap(({ Sid = [] }) => Sid);
    expect(sids).toEqual([
      ...['CreateOnlyWithoutIfNoneMatch', 'PointerWithoutCondition', 'NameWithoutCondition', 'NoCopies'],
    ]);
    const [, notified] = only('Custom::S3BucketNotifications');
    const [{ Filter, QueueArn, Events }] = notified.Properties.NotificationConfiguration.QueueConfigurations;
    expect(Filter.Key.FilterRules).toEqual([{ Name: 'prefix', Value: 'deltas/' }]);
    expect([shown(QueueArn), Events]).toEqual([
      expect.stringMatching(/^<CompactorIngestNotifications/),
      ['s3:ObjectCreated:*'],
    ]);
  });

  it('runs the functions with the cache in the subnets that are there', () => {
    const subnets = ofType('AWS::EC2::Subnet').map(([id]) => `<${id}>`);
    const inside = ofType('AWS::Lambda::Function').filter(([, { Properties }]) => Properties.VpcConfig !== undefined);
    expect(inside).toHaveLength(CACHE_VERBS.length);
    for (const [, { Properties }] of inside) expect(Properties.VpcConfig.SubnetIds.map(shown)).toEqual(subnets);
  });

  it('lets roles use the key by way of the services only, and only those that call them', () => {
    const uses = ofType('AWS::IAM::Policy').flatMap(([id, { Properties }]) =>
      (Properties.PolicyDocument.Statement as Statement[])
        .filter(({ Action }) => listOf(Action).some((action) => action.startsWith('kms:')))
        .map((statement) => ({ id, ...statement })),
    );
    for (const { Condition, id } of uses) {
      const service = (Condition?.StringEquals?.['kms:ViaService'] ?? {}) as object;
      expect(shown(service), id).toMatch(/^(s3|dynamodb)\.<AWS::Region>\.amazonaws\.com$/);
    }
    const users = new Set(uses.map(({ id }) => /Functions(\w+?)Role/.exec(id)?.[1] ?? 'Producer'));
    expect(users).not.toContain('StartCompaction');
    expect(users).not.toContain('SyncEfs');
    for (const user of ['MergeDeltas', 'AcquireLock', 'SwapPointer', 'Producer']) expect(users).toContain(user);
  });

  it('gives the producer what submitting and waiting take, and no more', () => {
    const policy = ofType('AWS::IAM::Policy').find(([id]) => id.startsWith('Producer'))?.[1];
    const statements = (policy?.Properties.PolicyDocument.Statement ?? []) as Statement[];
    const granted = statements
      .flatMap(({ Action, Resource }) =>
        listOf(Action).map((action) => `${action} ${shown(Resource).replace(/^<\w+\.Arn>/, '')}`.trim()),
      )
      .filter((grant) => !grant.startsWith('kms:'));
    expect(granted.sort()).toEqual([
      ...['dynamodb:BatchGetItem', 'dynamodb:GetItem', 's3:AbortMultipartUpload /deltas/*', 's3:GetObject /deltas/*'],
      ...['s3:GetObject /manifests/*', 's3:GetObject /pointers/*', 's3:ListBucket', 's3:PutObject /deltas/*'],
    ]);
  });
});

it('serves from Fargate by the lines of the how-to, whose task may do just what serving takes', async () => {
  const resources = Object.entries(await synthesiseExample(CONTAINER_PAGE));

  const [task] = resources.filter(([, { Type }]) => Type === 'AWS::ECS::TaskDefinition').map(([, one]) => one);
  const [container] = task?.Properties.ContainerDefinitions ?? [];
  const variables = [...container.Environment, ...container.Secrets].map(({ Name }: { Name: string }) => Name);
  expect(variables.sort()).toEqual([
    ...['AWS_REGION', 'COMPACTOR_ENDPOINT_TOKEN', 'STATE_MACHINE_ARN', 'STORE_URL', 'TABLE_NAME'],
  ]);
  const policy = resources.find(([id, { Type }]) => Type === 'AWS::IAM::Policy' && id.includes('TaskRole'))?.[1];
  const statements: Statement[] = policy?.Properties.PolicyDocument.Statement ?? [];
  const puts = statements.filter(({ Action }) => listOf(Action).includes('s3:PutObject'));
  const pointers = puts.filter(({ Resource }) => listOf(Resource).map(shown).join().includes('/pointers/'));
  expect(puts.length).toBeGreaterThan(1);
  expect(pointers.map(({ Condition }) => Condition)).toEqual([{ Null: { 's3:if-none-match': 'false' } }]);
});

describe('the construct', () => {
  const make = (props: (stack: Stack) => CompactorProps = () => ({})) => {
    const stack = new Stack(new App({ outdir: sharedOutdir() }), 'Search');
    return { stack, compactor: new Compactor(stack, 'Compactor', props(stack)) };
  };

  it('has an endpoint when it is asked for, with the URL and the token that it says', () => {
    const { stack, compactor } = make(() => ({ endpoint: true, settings: { endpointReadLevel: 'index_only' } }));

    const template = Template.fromStack(stack);

    template.resourceCountIs('AWS::Lambda::Url', 1);
    template.hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: Match.objectLike({ ENDPOINT_READ_LEVEL: 'index_only' }) },
    });
    expect(stack.resolve(compactor.endpoint?.url)).toMatchObject({ 'Fn::GetAtt': [expect.any(String), 'FunctionUrl'] });
    expect(make().compactor.endpoint).toBeUndefined();
  });

  it('is whole without any props, and named after its stack', () => {
    const { stack } = make();

    const template = Template.fromStack(stack);

    template.resourceCountIs('AWS::S3::Bucket', 1);
    template.resourceCountIs('AWS::EC2::VPC', 1);
    template.hasResourceProperties('AWS::StepFunctions::StateMachine', { StateMachineName: 'Search-compaction' });
    template.hasResourceProperties('AWS::CloudWatch::Dashboard', { DashboardName: 'Search' });
  });

  it('refuses a bucket that keeps no versions', () => {
    expect(() => make((stack) => ({ bucket: new Bucket(stack, 'Store') }))).toThrow(/Search\/Store.*`versioned: true`/);
  });

  it('refuses settings that cannot work, by their names', () => {
    const settings = { heartbeatIntervalSeconds: 120, lockDurationMinutes: 3 };
    expect(() => make(() => ({ settings }))).toThrow(/heartbeatIntervalSeconds/);
    expect(() => make(() => ({ settings: { memory: 3 } as never }))).toThrow(/"Search\/Compactor".*\n.*memory/);
  });

  it('warns of what an imported bucket lacks, and gives its owner the statements', () => {
    const { stack, compactor } = make((own) => ({ bucket: Bucket.fromBucketName(own, 'Store', 'search-store') }));

    const warnings = Annotations.fromStack(stack).findWarning('/Search/Compactor/Storage', Match.anyValue());

    const texts = warnings.map(({ entry }) => String(entry.data)).sort();
    expect(texts).toEqual([
      expect.stringMatching(/CreateOnlyWithoutIfNoneMatch, PointerWithoutCondition, NameWithoutCondition, NoCopies/),
      expect.stringMatching(/keeps versions/),
    ]);
    expect(storePolicy(compactor.bucket).map(({ sid }) => sid)).toHaveLength(4);
  });

  it('takes subnets with a way out where a VPC has no isolated ones', () => {
    const { stack } = make((own) => ({ vpc: new Vpc(own, 'Vpc', { maxAzs: 2 }) }));

    const functions = Template.fromStack(stack).findResources('AWS::Lambda::Function');

    const subnets = Object.values(functions).flatMap(
      ({ Properties }) => Properties.VpcConfig?.SubnetIds.map(shown) ?? [],
    );
    expect(new Set(subnets.map((id: string) => id.slice(1, 17)))).toEqual(new Set(['VpcPrivateSubnet']));
  });

  it('gives readers and starters what they call', () => {
    const { stack, compactor } = make();
    const role = new Role(stack, 'App', { assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com') });

    compactor.grantRead(role);
    compactor.grantStart(role);

    const policies = Template.fromStack(stack).findResources('AWS::IAM::Policy');
    const [own] = Object.entries(policies).filter(([id]) => id.startsWith('App'));
    const actions = own?.[1].Properties.PolicyDocument.Statement.flatMap(({ Action }: Statement) => Action);
    expect(new Set(actions)).toEqual(new Set(['s3:GetObject', 's3:ListBucket', 'states:StartExecution']));
  });
});

/** In a process of its own, as `cdk synth` runs an app. */
async function synthesiseExample(page = PAGE): Promise<Record<string, Resource>> {
  const code = /^```ts\n([\s\S]*?)^```$/m.exec(await readFile(page, 'utf8'))?.[1] ?? '';
  // Inside the checkout, so that packages are found from there.
  await mkdir(join(ROOT, '.work'), { recursive: true });
  const folder = await mkdtemp(join(ROOT, '.work/own-app-'));
  try {
    const constructs = pathToFileURL(join(ROOT, 'cdk/index.ts')).href;
    await writeFile(join(folder, 'app.ts'), code.replace("'@chroma-compactor/cdk'", `'${constructs}'`));
    const env = { ...process.env, CDK_OUTDIR: join(folder, 'cdk.out') };
    await run(process.execPath, [join(folder, 'app.ts')], { cwd: folder, env });
    return JSON.parse(await readFile(join(folder, 'cdk.out/Search.template.json'), 'utf8')).Resources;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
