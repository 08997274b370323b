/**
 * Reference paths, which select one value: `$`, `$.a.b`, `$['a b']`, `$.list[0]`, and the same from `$$`, the context
 * object. JSONPath's filters, wildcards and slices are refused when a machine is registered.
 */
import { type Json, jsonText } from './definition.ts';
import { StateFailure, Unsupported } from './failure.ts';

/** What an expression is evaluated on. */
export interface Scope {
  /** `$` */
  input: Json;
  /** `$$` */
  context: Json;
  /** Uniform in [0, 1). */
  random: () => number;
}

/** @throws StateFailure */
export type Evaluate = (scope: Scope) => Json;

const STEP = String.raw`\.([\p{L}_][\p{L}\p{N}_-]*)|\['([^'\\]+)'\]|\["([^"\\]+)"\]|\[(\d+)\]`;
/** Source of a regular expression for a path within a text. */
export const PATH = String.raw`\$\$?(?:${STEP})*`;
const WHOLE = new RegExp(`^${PATH}$`, 'u');
const STEPS = new RegExp(STEP, 'gu');

/** The value that a path selects; `undefined` if there is none. @throws Unsupported (not a reference path) */
export function compilePath(text: unknown): (scope: Scope) => Json | undefined {
  const path = String(text);
  const names = stepsOf(path);
  const isContext = path.startsWith('$$');
  return ({ input, context }) => {
    let value: Json | undefined = isContext ? context : input;
    for (const name of names) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
      value = (value as Record<string, Json>)[name];
    }
    return value;
  };
}

/** As `compilePath`, for a value that must exist. @throws Unsupported (not a reference path) */
export function compileRequired(text: unknown): Evaluate {
  const find = compilePath(text);
  return (scope) => {
    const value = find(scope);
    if (value !== undefined) return value;
    const from = jsonText(String(text).startsWith('$$') ? scope.context : scope.input);
    throw new StateFailure('States.Runtime', `The JSONPath '${text}' could not be found in the input '${from}'.`);
  };
}

/**
 * Where `ResultPath` puts a result: in place of the input by default, nowhere for `null`, otherwise into a copy of the
 * input. @throws Unsupported (not a reference path, or an element of a list)
 */
export function compilePlacing(resultPath: unknown): (input: Json, result: Json) => Json {
  if (resultPath === undefined) return (_input, result) => result;
  if (resultPath === null) return (input) => input;
  const path = String(resultPath);
  const names = stepsOf(path);
  if (path.startsWith('$$') || /\[\d+\]/.test(path)) throw new Unsupported(`the ResultPath ${path}`);
  return (input, result) => place(input, names, result, path);
}

function place(input: Json, [name, ...others]: readonly string[], result: Json, path: string): Json {
  if (name === undefined) return result;
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new StateFailure(
      'States.ResultPathMatchFailure',
      `Unable to apply ReferencePath ${path} to input ${jsonText(input)}`,
    );
  }
  const inner = Object.hasOwn(input, name) ? (input[name] as Json) : {};
  return { ...input, [name]: place(inner, others, result, path) };
}

function stepsOf(path: string): string[] {
  if (!WHOLE.test(path)) throw new Unsupported(`the path ${path}`);
  return [...path.matchAll(STEPS)].map(([, name, quoted, doubly, index]) => name ?? quoted ?? doubly ?? index ?? '');
}
