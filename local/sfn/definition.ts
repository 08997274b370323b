import { createRequire } from 'node:module';
import { InvalidInputError } from '../../lambdas/errors/errors.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Values of executions are immutable: each is serialised once, however many events include it. */
const texts = new WeakMap<object, string>();

/** JSON text, as inputs and outputs appear in histories. */
export function jsonText(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const known = texts.get(value);
  if (known !== undefined) return known;
  const text = JSON.stringify(value);
  texts.set(value, text);
  return text;
}

/** Parse a JSON text into a value for an execution. */
export function fromText(text: string): Json {
  const value = JSON.parse(text) as Json;
  if (typeof value === 'object' && value !== null) texts.set(value, text);
  return value;
}

export interface Retrier {
  ErrorEquals: string[];
  IntervalSeconds?: number;
  MaxAttempts?: number;
  BackoffRate?: number;
  MaxDelaySeconds?: number;
  JitterStrategy?: 'NONE' | 'FULL';
}

export interface Catcher {
  ErrorEquals: string[];
  Next: string;
  ResultPath?: string | null;
}

/** A state as written, checked by `parseDefinition`. */
export interface StateDefinition {
  Type: 'Task' | 'Choice' | 'Wait' | 'Pass' | 'Succeed' | 'Fail';
  Next?: string;
  Resource?: string;
  TimeoutSeconds?: number;
  Retry?: Retrier[];
  Catch?: Catcher[];
  [field: string]: unknown;
}

export interface Definition {
  StartAt: string;
  TimeoutSeconds?: number;
  States: Record<string, StateDefinition>;
}

const TYPES: readonly string[] = ['Task', 'Choice', 'Wait', 'Pass', 'Succeed', 'Fail'];
/** Fields that affect an execution and that this interpreter does not implement. */
const UNSUPPORTED_FIELDS = [
  'HeartbeatSeconds',
  'HeartbeatSecondsPath',
  'TimeoutSecondsPath',
  'QueryLanguage',
  'Assign',
];

/**
 * Parse and check a state machine in the Amazon States Language (JSONPath dialect).
 *
 * `${Name}` is replaced by `substitutions.Name`, as CloudFormation does; one without a substitution in a `Resource`
 * becomes the ARN of the local function of that name, without the suffix `Arn`.
 * @param options.isValidated A test has validated the file, so that the validator, which takes half a second, is
 * skipped.
 * @throws InvalidInputError (not valid, a placeholder without value, or a feature that does not run locally)
 */
export function parseDefinition(
  machine: string,
  source: string | object,
  substitutions: Readonly<Record<string, string>> = {},
  { isValidated = false }: { isValidated?: boolean } = {},
): Definition {
  const parsed: unknown = typeof source === 'string' ? parseJson(machine, source) : structuredClone(source);
  const definition = substitute(machine, parsed, substitutions, '') as Definition;
  if (!isValidated) validate(machine, definition);
  for (const [name, state] of [['(top level)', definition] as const, ...Object.entries(definition.States)]) {
    const type = 'Type' in state ? state.Type : undefined;
    if (typeof type === 'string' && !TYPES.includes(type)) {
      throw new InvalidInputError(`State "${name}" of "${machine}" is of type ${type}, which does not run locally.`);
    }
    const field = UNSUPPORTED_FIELDS.find((candidate) => candidate in state);
    if (field !== undefined) {
      throw new InvalidInputError(`State "${name}" of "${machine}" uses ${field}, which does not run locally.`);
    }
  }
  return definition;
}

function validate(machine: string, definition: Definition): void {
  // Loaded on demand, because it compiles a JSON schema.
  const require = createRequire(import.meta.url);
  const validator: typeof import('asl-validator').default = require('asl-validator');
  // On a copy: the validator writes default values into what it is given.
  const { isValid, errorsText } = validator(structuredClone(definition));
  if (isValid) return;
  throw new InvalidInputError(`State machine "${machine}" cannot run; correct its file. ${errorsText()}`);
}

function parseJson(machine: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidInputError(`State machine "${machine}" is not JSON. Correct its file.`, { cause: error });
  }
}

function substitute(machine: string, value: unknown, values: Readonly<Record<string, string>>, key: string): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$\{(\w+)\}/g, (placeholder, name: string) => {
      const replacement = Object.hasOwn(values, name) ? values[name] : undefined;
      if (replacement !== undefined) return replacement;
      if (key !== 'Resource') {
        throw new InvalidInputError(`State machine "${machine}" uses ${placeholder}: give it a substitution.`);
      }
      const functionName = name.replace(/Arn$/, '');
      // The placeholder may stand for the whole ARN, or only for the function's name at its end.
      return value.startsWith('arn:') ? name : `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`;
    });
  }
  if (Array.isArray(value)) return value.map((item) => substitute(machine, item, values, key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, substitute(machine, item, values, name)]),
  );
}
