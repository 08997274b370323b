/** The synthesised template, made once per test file, and what the tests ask of it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll } from 'vitest';
import { CONTEXT_PREFIX, parseDeploymentConfig } from '../../cdk/parse-settings.ts';
import { CompactorStack } from '../../cdk/stack.ts';
import type { Verb } from '../../cdk/verbs.ts';

export interface Statement {
  Sid?: string;
  Effect: string;
  Action: string | string[];
  Resource?: unknown;
  Condition?: Record<string, Record<string, unknown>>;
}

export interface Resource {
  Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: what CloudFormation takes, by resource type.
  Properties: any;
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
}

export interface Synthesised {
  stack: CompactorStack;
  resources: Record<string, Resource>;
  /** Logical ids and resources of one type. */
  ofType(type: string): Array<[string, Resource]>;
  /** Logical id of a verb's function, or of the endpoint's. */
  functionOf(verb: Verb | 'ServeEndpoint'): string;
  /** All statements of the policies of a role, given by its logical id. */
  statementsOf(role: string): Statement[];
}

export const STACK = 'ChromaCompactor';

/** Settings of a deployment, by their names without prefix. */
export type Own = Readonly<Record<string, unknown>>;

const outdirs: string[] = [];
afterAll(() => {
  for (const outdir of outdirs.splice(0)) rmSync(outdir, { recursive: true, force: true });
});

/** Removed after the file's last test. */
export function makeOutdir(): string {
  const outdir = mkdtempSync(join(tmpdir(), 'cdk.out-'));
  outdirs.push(outdir);
  return outdir;
}

let shared: string | undefined;

/**
 * For apps of which only templates are asked, which the CDK reads as soon as it has written them: what functions are made
 * of, 50 MB, is copied once and not for each.
 */
export function sharedOutdir(): string {
  shared ??= makeOutdir();
  return shared;
}

export function makeStack(own: Own = {}, outdir = makeOutdir()): { app: App; stack: CompactorStack } {
  const app = new App({ outdir });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const config = parseDeploymentConfig(
    Object.fromEntries(Object.entries(own).map(([name, value]) => [`${CONTEXT_PREFIX}${name}`, value])),
  );
  return { app, stack: new CompactorStack(app, STACK, { config }) };
}

const synthesised = new Map<string, Synthesised>();

/** Once per process and settings: nobody changes the result. */
export function synthesise(own: Own = {}): Synthesised {
  const key = JSON.stringify(own);
  const made = synthesised.get(key) ?? makeTemplate(own);
  synthesised.set(key, made);
  return made;
}

function makeTemplate(own: Own): Synthesised {
  const { stack } = makeStack(own, sharedOutdir());
  const resources = Template.fromStack(stack).toJSON().Resources as Record<string, Resource>;
  const ofType = (type: string) => Object.entries(resources).filter(([, resource]) => resource.Type === type);
  const functionOf = (verb: Verb | 'ServeEndpoint') => {
    const [found] = ofType('AWS::Lambda::Function').find(
      ([, { Properties }]) => Properties.Description === `chroma-compactor: ${verb}`,
    ) ?? [undefined];
    if (found === undefined) throw new Error(`The template has no function for ${verb}.`);
    return found;
  };
  const statementsOf = (role: string) =>
    ofType('AWS::IAM::Policy')
      .filter(([, { Properties }]) => Properties.Roles.some(({ Ref }: { Ref: string }) => Ref === role))
      .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement as Statement[]);
  return { stack, resources, ofType, functionOf, statementsOf };
}

export function listOf<Item>(value: Item | Item[] | undefined): Item[] {
  return value === undefined ? [] : ([value].flat() as Item[]);
}

/** A value with its references written as `<LogicalId.Attribute>`: what people read in an ARN. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return value;
  const { Ref, 'Fn::GetAtt': attribute, 'Fn::Join': join } = value as Record<string, unknown>;
  if (Ref !== undefined) return `<${Ref}>`;
  if (attribute !== undefined) return `<${(attribute as string[]).join('.')}>`;
  if (join === undefined) throw new Error(`Cannot show ${JSON.stringify(value)}.`);
  const [separator, parts] = join as [string, unknown[]];
  return parts.map(shown).join(separator);
}
