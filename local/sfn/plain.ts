/**
 * The plain part of the states language, evaluated without the library: states that pass everything on, templates and
 * choice rules over reference paths that lead to something. It is what nearly every state is made of, and the library
 * copies its input several times for each. Whatever is not plain, or not there, is `undefined` here: then the library
 * evaluates it, and says what is wrong with it.
 */
import type { Json } from './definition.ts';

type Fields = Record<string, unknown>;
/** `undefined`: not plain after all. */
type Plain<Result = Json> = (input: Json, context: Record<string, Json>) => Result | undefined;

const IO_FIELDS = ['InputPath', 'Parameters', 'Result', 'ResultSelector', 'ResultPath', 'OutputPath'];

/** Does the state pass its input on as it is, or a Task its result? */
export function passesOn(state: Fields): boolean {
  return IO_FIELDS.every((field) => !(field in state));
}

/** A Task's `Parameters`, when nothing else shapes its input. */
export function plainParameters(state: Fields): Plain | undefined {
  if ('InputPath' in state) return undefined;
  return 'Parameters' in state ? plainTemplate(state.Parameters) : (input) => input;
}

function plainTemplate(template: unknown): Plain | undefined {
  if (typeof template !== 'object' || template === null || Array.isArray(template)) return undefined;
  const members: Array<readonly [string, Plain]> = [];
  for (const [key, value] of Object.entries(template)) {
    const isPath = key.endsWith('.$');
    const member = isPath ? plainPath(value) : plainValue(value);
    if (member === undefined) return undefined;
    members.push([isPath ? key.slice(0, -2) : key, member]);
  }
  return (input, context) => {
    const result: Record<string, Json> = {};
    for (const [key, member] of members) {
      const value = member(input, context);
      if (value === undefined) return undefined;
      result[key] = value;
    }
    return result;
  };
}

function plainValue(value: unknown): Plain | undefined {
  if (typeof value === 'object' && value !== null) return plainTemplate(value);
  return () => value as Json;
}

/** `$`, `$.a.b` and `$$.a.b`. */
function plainPath(path: unknown): Plain | undefined {
  const match = typeof path === 'string' ? /^(\$\$?)((?:\.[A-Za-z]\w*)*)$/.exec(path) : null;
  if (match === null || path === '$$') return undefined;
  const [, root, rest = ''] = match;
  const names = rest.split('.').slice(1);
  return (input, context) => {
    let value: Json | undefined = root === '$' ? input : context;
    for (const name of names) {
      if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) {
        return undefined;
      }
      value = value[name];
    }
    return value;
  };
}

/** The next state of a Choice whose rules are plain. */
export function plainChoice(state: Fields): Plain<string> | undefined {
  if (!passesOn(state)) return undefined;
  const rules = (state.Choices as Fields[]).map(plainRule);
  if (rules.some((rule) => rule === undefined)) return undefined;
  const { Default: otherwise } = state as { Default?: string };
  return (input, context) => {
    for (const rule of rules) {
      const next = rule?.(input, context);
      // Not to be told in plain terms: then neither is what comes after it.
      if (next === undefined) return undefined;
      if (next !== '') return next;
    }
    return otherwise;
  };
}

const TESTS: Record<string, (value: Json, operand: unknown) => boolean | undefined> = {
  StringEquals: (value, operand) => (typeof value === 'string' ? value === operand : undefined),
  BooleanEquals: (value, operand) => (typeof value === 'boolean' ? value === operand : undefined),
  IsNull: (value, operand) => (value === null) === operand,
};

/** The rule's next state, or the empty string when it does not hold. */
function plainRule({ Comment: _comment, Next, Variable, ...tests }: Fields): Plain<string> | undefined {
  const [[operator = '', operand] = [], ...others] = Object.entries(tests);
  const test = TESTS[operator];
  const variable = plainPath(Variable);
  if (test === undefined || variable === undefined || others.length > 0) return undefined;
  return (input, context) => {
    const value = variable(input, context);
    const holds = value === undefined ? undefined : test(value, operand);
    if (holds === undefined) return undefined;
    return holds ? (Next as string) : '';
  };
}

/** `ResultPath` of a catcher that names one field of the input. */
export function plainResult(resultPath: unknown): ((input: Json, result: Json) => Json | undefined) | undefined {
  const name = typeof resultPath === 'string' ? /^\$\.([A-Za-z]\w*)$/.exec(resultPath)?.[1] : undefined;
  if (name === undefined) return undefined;
  return (input, result) =>
    typeof input === 'object' && input !== null && !Array.isArray(input) ? { ...input, [name]: result } : undefined;
}
