/** The rules of Choice states. */
import type { Json } from './definition.ts';
import { StateFailure, Unsupported } from './failure.ts';
import { compilePath, compileRequired, type Evaluate, type Scope } from './paths.ts';
import { instantOf } from './time.ts';

type Fields = Record<string, unknown>;
type Holds = (scope: Scope) => boolean;

/** The name of the next state. @throws Unsupported */
export function compileChoice(rules: readonly Fields[], otherwise: unknown): (scope: Scope) => string {
  const choices = rules.map((rule) => ({ next: rule.Next as string, holds: compileRule(rule) }));
  return (scope) => {
    const next = choices.find(({ holds }) => holds(scope))?.next ?? otherwise;
    if (typeof next === 'string') return next;
    throw new StateFailure('States.NoChoiceMatched', 'No rule matches, and there is no Default.');
  };
}

function compileRule({ Comment: _comment, Next: _next, Variable, And, Or, Not, ...tests }: Fields): Holds {
  if (And !== undefined || Or !== undefined) {
    const rules = ((And ?? Or) as Fields[]).map(compileRule);
    return (scope) => (And === undefined ? rules.some((rule) => rule(scope)) : rules.every((rule) => rule(scope)));
  }
  if (Not !== undefined) {
    const rule = compileRule(Not as Fields);
    return (scope) => !rule(scope);
  }
  const [[operator = '', operand] = [], ...others] = Object.entries(tests);
  if (others.length > 0) throw new Unsupported(`a rule with ${Object.keys(tests).join(' and ')}`);
  const find = compilePath(Variable);
  if (operator === 'IsPresent') return (scope) => (find(scope) !== undefined) === operand;
  const test = compileTest(operator, operand);
  return (scope) => {
    const value = find(scope);
    if (value !== undefined) return test(value, scope);
    throw new StateFailure(
      'States.Runtime',
      `Invalid path '${Variable}': The choice state's condition path references an invalid value.`,
    );
  };
}

/** A value in the form in which its kind is compared; a value of another kind matches nothing. */
const KINDS: Readonly<Record<string, (value: Json) => string | number | boolean | undefined>> = {
  String: (value) => (typeof value === 'string' ? value : undefined),
  Numeric: (value) => (typeof value === 'number' ? value : undefined),
  Boolean: (value) => (typeof value === 'boolean' ? value : undefined),
  Timestamp: instantOf,
};

const COMPARISONS: Readonly<Record<string, <T>(a: T, b: T) => boolean>> = {
  Equals: (a, b) => a === b,
  LessThan: (a, b) => a < b,
  GreaterThan: (a, b) => a > b,
  LessThanEquals: (a, b) => a <= b,
  GreaterThanEquals: (a, b) => a >= b,
};

function compileTest(operator: string, operand: unknown): (value: Json, scope: Scope) => boolean {
  if (operator === 'IsNull') return (value) => (value === null) === operand;
  if (operator === 'StringMatches') {
    const pattern = patternOf(String(operand));
    return (value) => typeof value === 'string' && pattern.test(value);
  }
  const [, is, kind = is, comparison, path] =
    /^(?:Is([A-Z]\w+)|(String|Numeric|Boolean|Timestamp)(\w+?)(Path)?)$/.exec(operator) ?? [];
  const comparable = KINDS[kind ?? ''];
  if (comparable === undefined) throw new Unsupported(operator);
  if (is !== undefined) return (value) => (comparable(value) !== undefined) === operand;
  const compare = COMPARISONS[comparison ?? ''];
  if (compare === undefined) throw new Unsupported(operator);
  const other: Evaluate = path === undefined ? () => operand as Json : compileRequired(operand);
  return (value, scope) => {
    const [a, b] = [comparable(value), comparable(other(scope))];
    return a !== undefined && b !== undefined && compare(a, b);
  };
}

/** `*` stands for any text, `\*` for itself. */
function patternOf(text: string): RegExp {
  const parts = text.split(/(\\.|\*)/).map((part, index) => {
    if (index % 2 === 1 && part === '*') return '.*';
    return (index % 2 === 1 ? part.slice(1) : part).replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  });
  return new RegExp(`^${parts.join('')}$`, 's');
}
