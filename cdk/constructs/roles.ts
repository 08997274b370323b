/** The role of each function: what it needs to run at all, and what the table in `grants.ts` grants. */
import { ArnFormat, Stack } from 'aws-cdk-lib';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { explain } from '../acknowledgements.ts';
import { conditionOf, type Grant } from '../grants.ts';
import { type Keys, keyStatements } from '../keys.ts';
import type { DeploymentConfig } from '../settings.ts';
import type { Storage } from './storage.ts';
import type { StatusTable } from './table.ts';

/** The resources that grants refer to. */
export interface GrantedProps {
  config: DeploymentConfig;
  storage: Storage;
  table: StatusTable;
  keys: Keys;
  /** ARNs of the compaction machine, which is made after the functions. */
  machine: { arn: string; executionsArn: string };
}

export interface Grantee {
  /** Name of the function. */
  name: string;
  grants: readonly Grant[];
  logGroup: LogGroup;
  usesCache: boolean;
}

export function makeRole(scope: Construct, { name, grants, logGroup, usesCache }: Grantee, props: GrantedProps): Role {
  const role = new Role(scope, `${name}Role`, {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    description: `What ${name} may do`,
  });
  grantBasics(role, logGroup, usesCache);
  for (const statement of statementsOf(grants, props)) role.addToPolicy(statement);
  explainPrefixes(role, grants, props);
  return role;
}

/** Network interfaces have no ARN before they are created, and traces never have one. */
const NO_RESOURCE_LEVEL = 'IAM knows no resources for these actions.';

/** What Lambda does to attach a function to a network. */
const INTERFACE_ACTIONS = [
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
] as const;

/**
 * Permissions for logs, and for the network of verbs that mount the cache; the CDK adds those for traces and for the
 * mount, scoped to the access point.
 */
function grantBasics(role: Role, logGroup: LogGroup, usesCache: boolean): void {
  role.addToPolicy(
    new PolicyStatement({
      sid: 'Logs',
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [logGroup.logGroupArn],
    }),
  );
  if (usesCache) {
    const interfaces = { actions: [...INTERFACE_ACTIONS], resources: ['*'] };
    role.addToPolicy(new PolicyStatement({ sid: 'NetworkInterfaces', ...interfaces }));
    // Lambda uses the function's role before its code runs, and the code has the same role, but only calls of the code
    // carry this key. The statement covers every function of the account, since the function's own name is known only
    // after its role.
    const sourceFunction = Stack.of(role).formatArn({
      service: 'lambda',
      resource: 'function',
      resourceName: '*',
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    role.addToPolicy(
      new PolicyStatement({
        sid: 'NotByCode',
        effect: Effect.DENY,
        ...interfaces,
        conditions: { ArnLike: { 'lambda:SourceFunctionArn': sourceFunction } },
      }),
    );
  }
  const cache = usesCache ? ', network interfaces, and the mount, which a condition ties to its access point' : '';
  explain(role, 'AwsSolutions-IAM5[Resource::*]', `Traces${cache}: ${NO_RESOURCE_LEVEL}`);
}

/** Policy statements for these grants, and for the use of the keys that they require. */
export function statementsOf(grants: readonly Grant[], props: GrantedProps): PolicyStatement[] {
  return [...grants.flatMap((grant) => statementsFor(grant, props)), ...keyStatements(grants, props.keys)];
}

/** One statement for all actions of a grant that need no condition, and one for each that does. */
function statementsFor(grant: Grant, { config, storage, table, machine }: GrantedProps): PolicyStatement[] {
  const resources = {
    objects: () => storage.bucket.arnForObjects(`${(grant as { prefix: string }).prefix}*`),
    bucket: () => storage.bucket.bucketArn,
    table: () => table.table.tableArn,
    bus: () =>
      Stack.of(table).formatArn({ service: 'events', resource: 'event-bus', resourceName: config.eventBusName }),
    machine: () => machine.arn,
    executions: () => machine.executionsArn,
  };
  const statement = (actions: string[], conditions = {}) =>
    new PolicyStatement({ actions, resources: [resources[grant.on]()], conditions });
  const free = grant.actions.filter((action) => conditionOf(grant, action) === undefined);
  const bound = grant.actions.filter((action) => conditionOf(grant, action) !== undefined);
  return [
    ...(free.length > 0 ? [statement(free)] : []),
    ...bound.map((action) => statement([action], conditionOf(grant, action))),
  ];
}

/** Keys below a prefix, and executions of one machine, are named by a wildcard at the end: there is no other way. */
function explainPrefixes(role: Role, grants: readonly Grant[], { storage, machine }: GrantedProps): void {
  const stack = Stack.of(role);
  for (const grant of grants) {
    if (grant.on === 'objects') {
      const finding = `AwsSolutions-IAM5[Resource::${shown(storage.bucket.arnForObjects(`${grant.prefix}*`), stack)}]`;
      explain(role, finding, `All objects of one kind: ${grant.why}.`);
    }
    if (grant.on === 'executions') {
      const finding = `AwsSolutions-IAM5[Resource::${shown(machine.executionsArn, stack)}]`;
      explain(role, finding, `All executions of one machine: ${grant.why}.`);
    }
  }
}

/** An ARN in cdk-nag's notation, with `<AWS::Region>` for what is known only at deployment. */
function shown(arn: string, stack: Stack): string {
  const resolved = stack.resolve(arn) as string | { 'Fn::Join': [string, Part[]] };
  if (typeof resolved === 'string') return resolved;
  const [separator, parts] = resolved['Fn::Join'];
  return parts.map(shownPart).join(separator);
}

type Part = string | { Ref: string } | { 'Fn::GetAtt': [string, string] };

function shownPart(part: Part): string {
  if (typeof part === 'string') return part;
  return `<${'Ref' in part ? part.Ref : part['Fn::GetAtt'].join('.')}>`;
}
