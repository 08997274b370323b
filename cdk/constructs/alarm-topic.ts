/**
 * The topic of the alarms: encrypted, reachable by TLS only, and open to CloudWatch of this account. A topic with a
 * policy of its own allows nobody else, and one with a key of its own also needs a statement in the key's policy.
 * Without either statement every alarm would change its state and notify nobody.
 */
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AccountRootPrincipal, PolicyDocument, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

/** What the account itself may do with the key, through its own policies: keep, change and delete it. */
const KEEPING = [
  'CancelKeyDeletion',
  'DescribeKey',
  'DisableKey',
  'DisableKeyRotation',
  'EnableKey',
  'EnableKeyRotation',
  'GetKeyPolicy',
  'GetKeyRotationStatus',
  'ListGrants',
  'ListKeyPolicies',
  'ListResourceTags',
  'PutKeyPolicy',
  'ScheduleKeyDeletion',
  'TagResource',
  'UntagResource',
  'UpdateKeyDescription',
];
/** The KMS permissions that publishing to a topic with a key requires. */
const PUBLISHING = ['Decrypt', 'GenerateDataKey'];

export function makeTopic(scope: Construct, displayName: string): Topic {
  const { account } = Stack.of(scope);
  const cloudWatch = new ServicePrincipal('cloudwatch.amazonaws.com');
  const conditions = { StringEquals: { 'aws:SourceAccount': account } };
  const actions = (names: readonly string[]) => names.map((name) => `kms:${name}`);
  // In a key's own policy, "*" is this key.
  const resources = ['*'];
  const masterKey = new Key(scope, 'TopicKey', {
    description: displayName,
    enableKeyRotation: true,
    removalPolicy: RemovalPolicy.DESTROY,
    pendingWindow: Duration.days(7),
    policy: new PolicyDocument({
      statements: [
        new PolicyStatement({
          sid: 'Account',
          principals: [new AccountRootPrincipal()],
          actions: actions([...KEEPING, ...PUBLISHING]),
          resources,
        }),
        new PolicyStatement({
          sid: 'Alarms',
          principals: [cloudWatch],
          actions: actions(PUBLISHING),
          resources,
          conditions,
        }),
      ],
    }),
  });
  const topic = new Topic(scope, 'Topic', { displayName, enforceSSL: true, masterKey });
  topic.addToResourcePolicy(
    new PolicyStatement({
      sid: 'Alarms',
      principals: [cloudWatch],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions,
    }),
  );
  return topic;
}
