/** Who may reach what by the network, and which services may act for the stack. */
import { describe, expect, it } from 'vitest';
import { listOf, type Statement, shown, synthesise } from './support.ts';

const { resources, ofType } = synthesise();

interface Rule {
  CidrIp?: string;
  FromPort?: number;
  ToPort?: number;
  IpProtocol: string;
}

describe('the network of the cache', () => {
  it('opens no port but those of HTTPS and NFS', () => {
    const rules: Rule[] = [
      ...ofType('AWS::EC2::SecurityGroup').flatMap(([, { Properties }]) => [
        ...(Properties.SecurityGroupEgress ?? []),
        ...(Properties.SecurityGroupIngress ?? []),
      ]),
      ...ofType('AWS::EC2::SecurityGroupEgress').map(([, { Properties }]) => Properties),
      ...ofType('AWS::EC2::SecurityGroupIngress').map(([, { Properties }]) => Properties),
    ];
    // The CDK writes "nothing" as a rule that fits nobody: ICMP to 255.255.255.255.
    const open = rules.filter(({ CidrIp }) => CidrIp !== '255.255.255.255/32');
    expect(open.map(({ IpProtocol, FromPort, ToPort }) => `${IpProtocol} ${FromPort}-${ToPort}`).sort()).toEqual([
      'tcp 2049-2049',
      'tcp 2049-2049',
      'tcp 443-443',
    ]);
    const outside = open.filter(({ CidrIp }) => CidrIp !== undefined);
    expect(outside).toMatchObject([{ CidrIp: '0.0.0.0/0', FromPort: 443 }]);
  });

  it('leads to the bucket and to the table, and only this account there', () => {
    const endpoints = ofType('AWS::EC2::VPCEndpoint').map(([, { Properties }]) => Properties);
    const ids = (type: string) => ofType(type).map(([id]) => id);
    const allowed = [...ids('AWS::S3::Bucket'), ...ids('AWS::DynamoDB::Table')];
    expect(endpoints).toHaveLength(2);
    for (const { PolicyDocument } of endpoints) {
      const statements = PolicyDocument.Statement as Statement[];
      for (const { Resource, Condition } of statements) {
        for (const resource of listOf(Resource).map(shown)) {
          expect(allowed).toContain(/^<(\w+)\.Arn>(\/\*)?$/.exec(resource)?.[1]);
        }
        expect(Condition).toEqual({ StringEquals: { 'aws:PrincipalAccount': { Ref: 'AWS::AccountId' } } });
      }
    }
  });
});

describe('services act for this account only', () => {
  it('when they assume the roles of the state machines', () => {
    const roles = ofType('AWS::StepFunctions::StateMachine').map(([, { Properties }]) => ({
      name: Properties.StateMachineName as string,
      statements:
        resources[shown(Properties.RoleArn).slice(1, -'.Arn>'.length)]?.Properties.AssumeRolePolicyDocument.Statement,
    }));
    expect(roles).toHaveLength(2);
    for (const { name, statements } of roles) {
      const [{ Principal, Condition }] = statements;
      expect(Principal).toEqual({ Service: 'states.amazonaws.com' });
      expect(Condition.StringEquals).toEqual({ 'aws:SourceAccount': { Ref: 'AWS::AccountId' } });
      expect(shown(Condition.ArnLike['aws:SourceArn'])).toMatch(new RegExp(`:stateMachine:${name}$`));
    }
  });

  it('when they write to queues and to the topic, and use its key', () => {
    const policies = [
      ...ofType('AWS::SQS::QueuePolicy'),
      ...ofType('AWS::SNS::TopicPolicy'),
      ...ofType('AWS::KMS::Key'),
    ].flatMap(([id, { Properties }]) =>
      ((Properties.PolicyDocument ?? Properties.KeyPolicy).Statement as Array<Statement & { Principal: object }>).map(
        (statement) => ({ id, ...statement }),
      ),
    );
    const services = policies.filter(({ Principal }) => shownService(Principal) !== undefined);
    expect(services.length).toBe(4);
    for (const { id, Condition } of services) {
      const tied = [Condition?.StringEquals?.['aws:SourceAccount'], Condition?.ArnEquals?.['aws:SourceArn']];
      expect(tied.filter((value) => value !== undefined).length, id).toBeGreaterThan(0);
    }
  });

  it('and CloudWatch may both publish to the topic of the alarms and use its key', () => {
    // Either one missing would leave every alarm unheard: a policy of one's own replaces what is allowed by default.
    const actions = (type: string, document: string) =>
      ofType(type)
        .flatMap(([, { Properties }]) => Properties[document].Statement as Array<Statement & { Principal: object }>)
        .filter(({ Effect, Principal }) => Effect === 'Allow' && shownService(Principal) === 'cloudwatch.amazonaws.com')
        .flatMap(({ Action }) => listOf(Action));
    expect(actions('AWS::SNS::TopicPolicy', 'PolicyDocument')).toEqual(['sns:Publish']);
    expect(actions('AWS::KMS::Key', 'KeyPolicy')).toEqual(['kms:Decrypt', 'kms:GenerateDataKey']);
    const topic = ofType('AWS::SNS::Topic')[0]?.[0];
    for (const [, { Properties }] of ofType('AWS::CloudWatch::Alarm')) {
      expect(Properties.AlarmActions.map(shown)).toEqual([`<${topic}>`]);
    }
  });
});

/** The service that a statement is about; a principal may also be `*`, or an account. */
function shownService(principal: object | string): string | undefined {
  return (principal as { Service?: string }).Service;
}
