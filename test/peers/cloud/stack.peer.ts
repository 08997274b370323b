/** The template, judged by others: cfn-lint, moto's CloudFormation, and botocore's models of AWS's services. */
import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { releaseAbandoned } from '../../../lambdas/compaction/release-abandoned.ts';
import { memoryPorts } from '../../support/memory-ports.ts';
import { AWS_METRICS, emittedMetrics, series } from '../../synth/emitted-metrics.ts';
import { describeWith, pythonRuntime } from '../runtimes.ts';
import { type Cloud, openCloud, type Rule, STACK } from './cloud.ts';

const MATCH = new URL('match_events.py', import.meta.url).pathname;
/** Findings of cfn-lint that stay, by rule, each with its reason. One that is found no more fails the test. */
const EXPLAINED: Readonly<Record<string, string>> = {
  W3005: 'The CDK writes DependsOn beside a reference that says the same; it does no harm.',
};
/** What moto's CloudFormation makes by itself. */
const BY_CLOUDFORMATION = [
  ...['DynamoDB::Table', 'EC2::RouteTable', 'EC2::SecurityGroup', 'EC2::SecurityGroupIngress', 'EC2::Subnet'],
  ...['EC2::SubnetRouteTableAssociation', 'EC2::VPC', 'EFS::AccessPoint', 'EFS::FileSystem', 'EFS::MountTarget'],
  ...['Events::Rule', 'IAM::Policy', 'IAM::Role', 'KMS::Key', 'Lambda::EventSourceMapping', 'Lambda::Function'],
  ...['Lambda::Permission', 'Logs::LogGroup', 'S3::Bucket', 'SNS::Topic', 'SQS::Queue', 'StepFunctions::StateMachine'],
].map((type) => `AWS::${type}`);
/** What it does not know; made by the services' own APIs. */
const BY_API = [
  ...['CloudWatch::Alarm', 'CloudWatch::Dashboard', 'EC2::SecurityGroupEgress', 'EC2::VPCEndpoint'],
  ...['Lambda::EventInvokeConfig', 'S3::BucketPolicy', 'SNS::TopicPolicy', 'SQS::QueuePolicy'],
].map((type) => `AWS::${type}`);

const python = await pythonRuntime();

describeWith('the template', python, (bin) => {
  let cloud: Cloud;

  beforeAll(async () => {
    cloud = await openCloud(bin);
  });

  afterAll(() => cloud?.close());

  it('has no finding of cfn-lint that is not explained', async () => {
    const args = ['--format', 'json', '--', cloud.assembly.template];

    const printed = await promisify(execFile)(join(bin, 'cfn-lint'), args, { maxBuffer: 2 ** 26 }).then(
      ({ stdout }) => stdout,
      // With findings it ends with a code that says of which kinds.
      ({ stdout }: { stdout: string }) => stdout,
    );

    const findings = JSON.parse(printed) as Array<{ Rule: { Id: string }; Message: string }>;
    const strange = findings.filter(({ Rule }) => EXPLAINED[Rule.Id] === undefined);
    expect(strange.map(({ Rule, Message }) => `${Rule.Id} ${Message}`)).toEqual([]);
    expect([...new Set(findings.map(({ Rule }) => Rule.Id))].sort()).toEqual(Object.keys(EXPLAINED).sort());
  });

  it('is created whole: by CloudFormation, and by API what that does not know', () => {
    const { status, reason, missing, refused, byCloudFormation, byApi, made, resources } = cloud.report;

    expect([status, reason]).toEqual(['CREATE_COMPLETE', null]);
    expect(missing).toEqual([]);
    expect(refused).toEqual({});
    expect(byCloudFormation).toEqual(BY_CLOUDFORMATION.sort());
    expect(byApi).toEqual(BY_API.sort());
    expect(made).toBe(resources);
    console.info(`${made} of ${resources} resources, ${cloud.report.alarms.length} alarms`);
  });

  it('has alarms on metrics that the code emits, or that AWS documents', async () => {
    const emitted = await emittedMetrics(STACK);
    const { alarms, outputs } = cloud.report;

    const read = alarms.flatMap(({ AlarmName, Metrics = [], Unit, ...single }) => {
      const metrics = Metrics.flatMap(({ MetricStat }) => MetricStat ?? []);
      const all = metrics.length > 0 ? metrics : [{ Metric: single, Unit }];
      return all.map(({ Metric: { Namespace = '', MetricName = '', Dimensions = [] }, Unit: unit = '' }) => {
        const names = Dimensions.map(({ Name }) => Name);
        const isAws = Namespace.startsWith('AWS/');
        const key = isAws ? `${Namespace} ${MetricName} ${names.join(',')}` : series(MetricName, unit, names);
        return { AlarmName, key, exists: (isAws ? AWS_METRICS : emitted).has(key) };
      });
    });

    expect(alarms.length).toBe(Object.values(cloud.resources).filter(({ Type }) => Type.endsWith('::Alarm')).length);
    expect(read.length).toBeGreaterThan(alarms.length);
    expect(read.filter(({ exists }) => !exists)).toEqual([]);
    expect(new Set(alarms.flatMap(({ AlarmActions }) => AlarmActions))).toEqual(new Set([outputs.AlarmTopicArn]));
  });

  it('has a rule that matches the event of an execution that died, and no other', async () => {
    const { machine, rule } = deaths();
    const other = machine.replace('compaction', 'release-abandoned');
    const cases: Array<[string, object, boolean]> = [
      ['failed', event('FAILED', machine), true],
      ['timed out', event('TIMED_OUT', machine), true],
      ['aborted', event('ABORTED', machine), true],
      ['succeeded', event('SUCCEEDED', machine), false],
      ['running', event('RUNNING', machine), false],
      ['to be redriven', event('PENDING_REDRIVE', machine), false],
      ['of the other machine', event('FAILED', other), false],
      ['of somebody else', { ...event('FAILED', machine), source: 'custom' }, false],
      ['of another kind', { ...event('FAILED', machine), 'detail-type': 'Something Else' }, false],
    ];

    const events = JSON.stringify(cases.map(([, each]) => each));
    const printed = execFileSync(join(bin, 'python'), [MATCH, rule.EventPattern ?? '', events], { encoding: 'utf8' });

    const matches = JSON.parse(printed) as boolean[];
    expect(cases.map(([name], at) => [name, matches[at]])).toEqual(cases.map(([name, , expected]) => [name, expected]));
  });

  it("hands on what ReleaseAbandoned understands: the event's detail as it is", async () => {
    const { machine, rule } = deaths();
    const [target] = rule.Targets;
    const { detail } = event('FAILED', machine);

    expect([target?.InputPath, target?.InputTransformer]).toEqual(['$.detail', undefined]);
    expect(target?.Arn).toBe(cloud.report.outputs.ReleaseMachineArn);
    expect(target?.DeadLetterConfig?.Arn).toMatch(/:ChromaCompactor-IngestUndeliveredEvents/);
    expect(await releaseAbandoned(memoryPorts(), detail)).toMatchObject({ collection: 'pets', waiting: false });
  });

  function deaths(): { machine: string; rule: Rule } {
    const rule = cloud.report.rules.find(({ EventPattern }) => EventPattern !== undefined);
    if (rule === undefined) throw new Error('There is no rule with a pattern.');
    return { machine: cloud.report.outputs.StateMachineArn ?? '', rule };
  }
});

/**
 * As AWS documents it: https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
 */
function event(status: string, machine: string) {
  const execution = `${machine.replace(':stateMachine:', ':execution:')}:x`;
  return {
    version: '0',
    id: '315c1398-40ff-a850-213b-158f73e60175',
    'detail-type': 'Step Functions Execution Status Change',
    source: 'aws.states',
    account: '123456789012',
    time: '2019-02-26T19:42:21Z',
    region: 'us-east-1',
    resources: [execution],
    detail: {
      executionArn: execution,
      stateMachineArn: machine,
      name: 'x',
      status,
      startDate: 1_551_225_146_847,
      stopDate: 1_551_225_151_881,
      input: '{"collection":"pets"}',
      inputDetails: { included: true },
      output: null,
      outputDetails: null,
      stateMachineVersionArn: null,
      stateMachineAliasArn: null,
      redriveCount: 0,
      redriveDate: null,
      redriveStatus: 'REDRIVABLE',
      redriveStatusReason: null,
      error: 'LockHeldError',
      cause: '{}',
    },
  };
}
