/** What the template promises: least privilege, encryption, TLS, data that outlives the stack, the ASL file's own text. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CACHE_VERBS, MACHINES, OTHER_VERBS, TASK_VERBS, timeoutOf, VERBS, verbsOf } from '../../cdk/verbs.ts';
import { HANDLERS } from '../../lambdas/handlers.ts';
import { listOf, type Resource, type Statement, shown, synthesise } from './support.ts';

const { resources, ofType, functionOf, statementsOf } = synthesise();

/** All statements by which anybody is allowed something, with the resource that carries them. */
const allowed: Array<[string, Statement]> = Object.entries(resources).flatMap(([id, { Properties }]) => {
  const document = Properties?.PolicyDocument ?? Properties?.FileSystemPolicy ?? Properties?.KeyPolicy;
  const statements: Statement[] = document?.Statement ?? [];
  return statements.filter(({ Effect }) => Effect === 'Allow').map((statement): [string, Statement] => [id, statement]);
});

/** Actions that may be allowed on `*`, and why; nothing else may. */
const ON_ANYTHING: Readonly<Record<string, string>> = {
  'xray:PutTraceSegments': 'a trace has no ARN',
  'xray:PutTelemetryRecords': 'a trace has no ARN',
  'xray:GetSamplingRules': 'rules of the whole account',
  'xray:GetSamplingTargets': 'rules of the whole account',
  'logs:CreateLogDelivery': 'deliveries are set up by Step Functions and have no ARN',
  'logs:DeleteLogDelivery': 'as above',
  'logs:DescribeLogGroups': 'as above',
  'logs:DescribeResourcePolicies': 'as above',
  'logs:GetLogDelivery': 'as above',
  'logs:ListLogDeliveries': 'as above',
  'logs:PutResourcePolicy': 'as above',
  'logs:UpdateLogDelivery': 'as above',
  'ec2:CreateNetworkInterface': 'Lambda makes interfaces for the cache; they have no ARN before',
  'ec2:DescribeNetworkInterfaces': 'as above',
  'ec2:DescribeSubnets': 'as above',
  'ec2:DeleteNetworkInterface': 'as above',
  'ec2:AssignPrivateIpAddresses': 'as above',
  'ec2:UnassignPrivateIpAddresses': 'as above',
  'elasticfilesystem:ClientMount': 'a condition ties it to the access point',
};

/** What holds data. */
const DATA = ['AWS::S3::Bucket', 'AWS::DynamoDB::Table'];
/** Properties by which a resource has a name of its own, which no other of its kind may have. */
const NAMES =
  /^(BucketName|TableName|QueueName|TopicName|RoleName|LogGroupName|DashboardName|StateMachineName|AlarmName)$/;

function only(type: string): Resource {
  const [[, resource] = [undefined, undefined], ...others] = ofType(type);
  if (resource === undefined || others.length > 0) throw new Error(`There is not exactly one ${type}.`);
  return resource;
}

describe('permissions', () => {
  it('name every action, and every resource but where there is none', () => {
    expect(allowed.length).toBeGreaterThan(50);
    for (const [id, { Action, Resource }] of allowed) {
      for (const action of listOf(Action)) {
        expect(action, id).toMatch(/^[a-z0-9-]+:[A-Za-z]+$/);
        // In a key's own policy, "*" is this key.
        if (resources[id]?.Type === 'AWS::KMS::Key') continue;
        if (listOf(Resource).includes('*')) expect(Object.keys(ON_ANYTHING), `${action} of ${id}`).toContain(action);
      }
    }
  });

  it('tie the mount to the access point', () => {
    const mounts = allowed.filter(([, { Action }]) => listOf(Action).includes('elasticfilesystem:ClientMount'));
    expect(mounts).toHaveLength(CACHE_VERBS.length);
    for (const [, { Condition }] of mounts) {
      expect(Object.keys(Condition?.StringEquals ?? {})).toEqual(['elasticfilesystem:AccessPointArn']);
    }
  });

  it('let Lambda make the interfaces of its functions, and deny that to their code', () => {
    const byVerb = VERBS.map((verb) => {
      const role = shown(resources[functionOf(verb)]?.Properties.Role).replace(/^<|\.Arn>$/g, '');
      const actions = (effect: string) =>
        statementsOf(role)
          .filter(({ Effect, Action }) => Effect === effect && listOf(Action).some((name) => name.startsWith('ec2:')))
          .map(({ Action, Resource, Condition }) => ({ actions: listOf(Action).toSorted(), Resource, Condition }));
      return { verb, allowed: actions('Allow'), denied: actions('Deny') };
    });
    for (const { verb, allowed, denied } of byVerb) {
      if (!CACHE_VERBS.includes(verb)) {
        expect([allowed, denied], verb).toEqual([[], []]);
        continue;
      }
      expect(allowed, verb).toEqual([{ actions: denied[0]?.actions, Resource: '*', Condition: undefined }]);
      expect(denied, verb).toHaveLength(1);
      expect(denied[0]?.Resource, verb).toBe('*');
      const [[operator, keys] = ['', {}]] = Object.entries(denied[0]?.Condition ?? {});
      expect([operator, Object.keys(keys)]).toEqual(['ArnLike', ['lambda:SourceFunctionArn']]);
      const arn = 'arn:<AWS::Partition>:lambda:<AWS::Region>:<AWS::AccountId>:function:*';
      expect(shown((keys as Record<string, unknown>)['lambda:SourceFunctionArn'])).toBe(arn);
    }
  });

  it('are of one role per function, by inline policies alone', () => {
    const roles = VERBS.map((verb) => shown(resources[functionOf(verb)]?.Properties.Role));
    expect(new Set(roles).size).toBe(VERBS.length);
    expect(ofType('AWS::IAM::Role').filter(([, { Properties }]) => Properties.ManagedPolicyArns !== undefined)).toEqual(
      [],
    );
    expect(ofType('AWS::IAM::ManagedPolicy')).toEqual([]);
  });
});

describe('the state machines', () => {
  // biome-ignore lint/suspicious/noExplicitAny: what CloudFormation takes.
  const machines: Record<string, any> = Object.fromEntries(
    ofType('AWS::StepFunctions::StateMachine').map(([id, resource]) => [
      resource.Properties.StateMachineName.replace(/^ChromaCompactor-/, ''),
      { id, ...resource.Properties },
    ]),
  );

  it('are the ASL files, byte for byte, with ARNs substituted inside strings', () => {
    expect(Object.keys(machines).sort()).toEqual([...MACHINES].sort());
    for (const machine of MACHINES) {
      const { DefinitionString, DefinitionSubstitutions } = machines[machine];
      const file = readFileSync(new URL(`../../statemachine/${machine}.asl.json`, import.meta.url), 'utf8');
      expect(DefinitionString).toBe(file);
      const used = new Set(Array.from(file.matchAll(/"[^"\n]*\$\{(\w+)\}[^"\n]*"/g), ([, name]) => name));
      expect(new Set(file.match(/\$\{/g)).size).toBe(1);
      expect(Object.keys(DefinitionSubstitutions).sort()).toEqual([...used].sort());
    }
  });

  it('call functions that exist, and are alone allowed to call them', () => {
    const tasks = MACHINES.flatMap((machine) => verbsOf(machine).map((verb) => ({ machine, verb })));
    expect(tasks.map(({ verb }) => verb).sort()).toEqual([...TASK_VERBS].sort());
    expect(Object.keys(HANDLERS)).toEqual(expect.arrayContaining([...TASK_VERBS]));
    for (const { machine, verb } of tasks) {
      const target = `<${functionOf(verb)}.Arn>`;
      const { DefinitionSubstitutions, RoleArn } = machines[machine];
      expect(shown(DefinitionSubstitutions[`${verb}Arn`])).toBe(target);
      const callers = allowed.filter(
        ([, { Action, Resource }]) =>
          listOf(Action).includes('lambda:InvokeFunction') && listOf(Resource).map(shown).includes(target),
      );
      expect(callers).toHaveLength(1);
      const role = shown(RoleArn).slice(1, -'.Arn>'.length);
      expect(statementsOf(role)).toContainEqual(callers[0]?.[1]);
    }
    const permitted = ofType('AWS::Lambda::Permission').map(([, { Properties }]) => shown(Properties.FunctionName));
    expect(permitted.sort()).toEqual([`<${functionOf('CollectGarbage')}.Arn>`, `<${functionOf('Sweep')}.Arn>`].sort());
  });

  it('log everything and are traced', () => {
    for (const { LoggingConfiguration, TracingConfiguration, StateMachineType } of Object.values(machines)) {
      expect(LoggingConfiguration).toMatchObject({ Level: 'ALL', IncludeExecutionData: true });
      expect(TracingConfiguration).toEqual({ Enabled: true });
      expect(StateMachineType).toBe('STANDARD');
    }
  });

  it('hear of executions that died', () => {
    const rule = ofType('AWS::Events::Rule').find(([, { Properties }]) => Properties.EventPattern !== undefined);
    expect(rule?.[1].Properties.EventPattern.detail.status).toEqual(['FAILED', 'TIMED_OUT', 'ABORTED']);
    const [target] = rule?.[1].Properties.Targets ?? [];
    expect([target.InputPath, target.InputTransformer]).toEqual(['$.detail', undefined]);
    expect(shown(target.Arn)).toBe(`<${machines['release-abandoned'].id}>`);
  });
});

describe('functions', () => {
  it('end before their Task gives them up', () => {
    for (const verb of TASK_VERBS) expect(resources[functionOf(verb)]?.Properties.Timeout).toBe(timeoutOf(verb));
    for (const machine of MACHINES) {
      const { States } = JSON.parse(
        readFileSync(new URL(`../../statemachine/${machine}.asl.json`, import.meta.url), 'utf8'),
      );
      for (const { Resource = '', TimeoutSeconds } of Object.values<{ Resource?: string; TimeoutSeconds?: number }>(
        States,
      )) {
        const verb = TASK_VERBS.find((name) => Resource === `\${${name}Arn}`);
        if (verb !== undefined) expect(TimeoutSeconds).toBeGreaterThanOrEqual(timeoutOf(verb) + 5);
      }
    }
  });

  it('run on Node 24 and the processor of the builder, traced, with the cache where it is used', () => {
    const Architectures = [process.arch === 'arm64' ? 'arm64' : 'x86_64'];
    for (const verb of VERBS) {
      const { Properties } = resources[functionOf(verb)] as Resource;
      expect(Properties).toMatchObject({ Architectures, TracingConfig: { Mode: 'Active' } });
      if (verb === 'MergeDeltas') expect(Properties.PackageType).toBe('Image');
      else expect(Properties.Runtime).toBe('nodejs24.x');
      const mounted = CACHE_VERBS.includes(verb);
      expect(Properties.FileSystemConfigs?.length ?? 0, verb).toBe(mounted ? 1 : 0);
      expect(Properties.VpcConfig !== undefined, verb).toBe(mounted);
    }
    expect(ofType('AWS::Lambda::Function')).toHaveLength(TASK_VERBS.length + OTHER_VERBS.length);
  });

  it.each(['arm64', 'x86_64'])('run on %s when that is asked for', (architecture) => {
    const { ofType: of } = synthesise({ architecture });
    const found = of('AWS::Lambda::Function').flatMap(([, { Properties }]) => Properties.Architectures);
    expect(new Set(found)).toEqual(new Set([architecture]));
  });

  it('keep logs for a while, and no longer', () => {
    for (const [id, { Properties }] of ofType('AWS::Logs::LogGroup')) expect(Properties.RetentionInDays, id).toBe(30);
    for (const verb of VERBS) expect(resources[functionOf(verb)]?.Properties.LoggingConfig.LogGroup).toBeDefined();
  });

  it('have no way out of the network of the cache', () => {
    expect(ofType('AWS::EC2::NatGateway')).toEqual([]);
    expect(ofType('AWS::EC2::InternetGateway')).toEqual([]);
    expect(ofType('AWS::EC2::Route')).toEqual([]);
    const kinds = ofType('AWS::EC2::VPCEndpoint').map(([, { Properties }]) => Properties.VpcEndpointType);
    expect(kinds).toEqual(['Gateway', 'Gateway']);
  });
});

describe('data', () => {
  it('is encrypted at rest', () => {
    const [rule] = only('AWS::S3::Bucket').Properties.BucketEncryption.ServerSideEncryptionConfiguration;
    expect(rule.ServerSideEncryptionByDefault.SSEAlgorithm).toBe('AES256');
    expect(only('AWS::EFS::FileSystem').Properties.Encrypted).toBe(true);
    for (const [, { Properties }] of ofType('AWS::SQS::Queue')) expect(Properties.SqsManagedSseEnabled).toBe(true);
    expect(only('AWS::KMS::Key').Properties.EnableKeyRotation).toBe(true);
    expect(shown(only('AWS::SNS::Topic').Properties.KmsMasterKeyId)).toMatch(/^<\w*TopicKey\w*\.Arn>$/);
    // Without a specification, DynamoDB encrypts with a key of its own; there is no way to switch that off.
    expect(only('AWS::DynamoDB::Table').Properties.SSESpecification).toBeUndefined();
  });

  it('travels by TLS only', () => {
    const policies = [
      only('AWS::S3::BucketPolicy').Properties.PolicyDocument,
      only('AWS::EFS::FileSystem').Properties.FileSystemPolicy,
      only('AWS::SNS::TopicPolicy').Properties.PolicyDocument,
      ...ofType('AWS::SQS::QueuePolicy').map(([, { Properties }]) => Properties.PolicyDocument),
    ];
    expect(policies).toHaveLength(6);
    for (const { Statement } of policies) {
      const denial = (Statement as Statement[]).find(
        ({ Condition }) => Condition?.Bool?.['aws:SecureTransport'] === 'false',
      );
      expect(denial?.Effect).toBe('Deny');
    }
  });

  it('is not public, outlives the stack, and can be restored', () => {
    const bucket = only('AWS::S3::Bucket');
    expect(Object.values(bucket.Properties.PublicAccessBlockConfiguration)).toEqual([true, true, true, true]);
    expect(bucket.Properties.VersioningConfiguration).toEqual({ Status: 'Enabled' });
    const table = only('AWS::DynamoDB::Table');
    expect(table.Properties.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled).toBe(true);
    expect(table.Properties.BillingMode).toBe('PAY_PER_REQUEST');
    for (const { UpdateReplacePolicy } of [bucket, table]) expect(UpdateReplacePolicy).toBe('Retain');
  });

  it('goes with a first deployment that fails, and nothing else stays of it', () => {
    for (const [id, { DeletionPolicy = 'Delete' }] of Object.entries(resources)) {
      const isData = DATA.includes(resources[id]?.Type ?? '');
      expect(DeletionPolicy, id).toBe(isData ? 'RetainExceptOnCreate' : 'Delete');
    }
    expect(only('AWS::DynamoDB::Table').Properties.DeletionProtectionEnabled).toBe(false);
    const named = Object.values(resources).flatMap(({ Type, Properties = {} }) =>
      Object.entries(Properties)
        .filter(([key]) => NAMES.test(key))
        .map(([, name]) => `${Type} ${shown(name)}`),
    );
    expect(named.sort()).toEqual([
      'AWS::CloudWatch::Dashboard ChromaCompactor',
      'AWS::Logs::LogGroup /aws/vendedlogs/states/ChromaCompactor-compaction',
      'AWS::Logs::LogGroup /aws/vendedlogs/states/ChromaCompactor-release-abandoned',
      'AWS::StepFunctions::StateMachine ChromaCompactor-compaction',
      'AWS::StepFunctions::StateMachine ChromaCompactor-release-abandoned',
    ]);
  });

  it('is protected from deletion when that is asked for', () => {
    const { ofType: of } = synthesise({ deletionProtection: true });
    expect(of('AWS::DynamoDB::Table').map(([, { Properties }]) => Properties.DeletionProtectionEnabled)).toEqual([
      true,
    ]);
  });

  it('is cleared of what nobody needs', () => {
    const { Rules } = only('AWS::S3::Bucket').Properties.LifecycleConfiguration;
    const rules = Object.fromEntries(Rules.map(({ Id, ...rule }: { Id: string }) => [Id, rule]));
    expect(rules['abandoned-uploads'].AbortIncompleteMultipartUpload).toEqual({ DaysAfterInitiation: 2 });
    expect(rules['old-rejections']).toMatchObject({ Prefix: 'rejected/', ExpirationInDays: 90 });
    expect(rules['old-versions']).toEqual({
      Status: 'Enabled',
      NoncurrentVersionExpiration: { NoncurrentDays: 14 },
      ExpiredObjectDeleteMarker: true,
    });
    expect(rules['old-inbox']).toEqual({
      Status: 'Enabled',
      Prefix: 'deltas/',
      NoncurrentVersionExpiration: { NoncurrentDays: 1 },
      ExpiredObjectDeleteMarker: true,
    });
    // Nothing but rejections expires by age: everything else is deleted by those who know that it is not needed.
    expect(Rules.filter((rule: object) => 'ExpirationInDays' in rule)).toHaveLength(1);
  });

  it('can be written on conditions only', () => {
    const statements = only('AWS::S3::BucketPolicy').Properties.PolicyDocument.Statement as Statement[];
    const denial = (sid: string): Statement => {
      const found = statements.find(({ Sid }) => Sid === sid);
      if (found === undefined) throw new Error(`The bucket policy has no ${sid}.`);
      expect([found.Effect, found.Action]).toEqual(['Deny', 's3:PutObject']);
      return found;
    };
    const keys = ({ Resource }: Statement) =>
      listOf(Resource).map((resource) => shown(resource).replace(/^<[^>]*>\//, ''));
    const creates = { Bool: { 's3:ObjectCreationOperation': 'true' } };
    expect(keys(denial('CreateOnlyWithoutIfNoneMatch'))).toEqual([
      'packs/*',
      'manifests/*',
      'deltas/*',
      'rejected/*',
      'aside/*',
    ]);
    expect(denial('CreateOnlyWithoutIfNoneMatch').Condition).toEqual({
      Null: { 's3:if-none-match': 'true' },
      ...creates,
    });
    expect(keys(denial('PointerWithoutCondition'))).toEqual(['pointers/*']);
    expect(denial('PointerWithoutCondition').Condition).toEqual({
      Null: { 's3:if-match': 'true', 's3:if-none-match': 'true' },
      ...creates,
    });
    const names = ['names/*', 'collections/*', 'databases/*', 'tenants/*'];
    expect(keys(denial('NameWithoutCondition'))).toEqual(names);
    expect(denial('NameWithoutCondition').Condition).toEqual(denial('PointerWithoutCondition').Condition);
    expect(keys(denial('NoCopies'))).toHaveLength(10);
    expect(denial('NoCopies').Condition).toEqual({ Null: { 's3:x-amz-copy-source': 'false' } });
  });
});

describe('the queue', () => {
  it('takes notifications of new deltas, and has dead letters', () => {
    const [configuration] = only('AWS::S3::Bucket').Properties.NotificationConfiguration.QueueConfigurations;
    expect(configuration).toMatchObject({
      Event: 's3:ObjectCreated:*',
      Filter: { S3Key: { Rules: [{ Name: 'prefix', Value: 'deltas/' }] } },
    });
    const queues = ofType('AWS::SQS::Queue').filter(([, { Properties }]) => Properties.RedrivePolicy !== undefined);
    expect(queues).toHaveLength(1);
    expect(queues[0]?.[1].Properties).toMatchObject({ VisibilityTimeout: 240, RedrivePolicy: { maxReceiveCount: 5 } });
    expect(only('AWS::Lambda::EventSourceMapping').Properties).toMatchObject({
      BatchSize: 100,
      MaximumBatchingWindowInSeconds: 5,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
  });
});
