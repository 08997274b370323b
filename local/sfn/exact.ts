/**
 * Rewrites a state so that the library, which evaluates it, does what AWS does. Each rewriting answers one difference
 * found by experiment with aws-local-stepfunctions 3.0.0; `test/local/sfn-interpreter.test.ts` holds each of them.
 */

type Fields = Record<string, unknown>;

/** Under this name the interpreter passes its own context object; see `exactPaths`. */
export const CONTEXT_KEY = 'Local';
/** Beside it, a fresh random integer for each evaluation. */
export const SEED_KEY = 'Seed';

/**
 * The library overwrites `$$.Execution.Input` and `$$.Execution.StartTime`, so `$$` is redirected to a context of our
 * own. It also seeds `States.MathRandom` with the clock, which gives two executions in one millisecond the same number;
 * a seed of ours makes that both random and repeatable.
 */
export function exactPaths(value: unknown, key = ''): unknown {
  if (typeof value === 'string') {
    if (!key.endsWith('.$') && !key.endsWith('Path') && key !== 'Variable') return value;
    if (key === 'ResultPath') return value.startsWith('$[') ? `$.${value.slice(1)}` : value;
    return value
      .replace(/\$\$/g, () => `$$.${CONTEXT_KEY}`)
      .replace(/States\.MathRandom\(([^(),]+),([^(),]+)\)/g, (_call, from: string, to: string) => {
        return `States.MathRandom(${from},${to}, $$.${SEED_KEY})`;
      });
  }
  if (Array.isArray(value)) return value.map((item) => exactPaths(item, key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, exactPaths(item, name)]));
}

/** `"ResultPath": "$"` is the default, but the library would store the result under a key named `$`. */
export function withoutDefaultResultPath(fields: Fields): Fields {
  if (fields.ResultPath !== '$') return fields;
  const { ResultPath: _default, ...rest } = fields;
  return rest;
}

const TYPE_TESTS = ['IsPresent', 'IsNull', 'IsNumeric', 'IsString', 'IsBoolean', 'IsTimestamp'];

/**
 * In the library a type test for `false` never holds, and comparisons of size convert types as JavaScript does
 * (`"5" > 3`), where in AWS a value of another type simply does not match.
 */
export function exactRule(rule: Fields): Fields {
  for (const operator of ['And', 'Or']) {
    if (operator in rule) return { ...rule, [operator]: (rule[operator] as Fields[]).map(exactRule) };
  }
  if ('Not' in rule) return { ...rule, Not: exactRule(rule.Not as Fields) };
  const { Next, ...test } = rule;
  const next = Next === undefined ? {} : { Next };
  const refuted = TYPE_TESTS.find((operator) => test[operator] === false);
  if (refuted !== undefined) return { Not: { ...test, [refuted]: true }, ...next };
  const guard = typeGuard(Object.keys(test));
  if (guard === undefined) return rule;
  return { And: [{ Variable: test.Variable, [guard]: true }, test], ...next };
}

function typeGuard(operators: string[]): string | undefined {
  if (operators.some((operator) => /^Numeric(Less|Greater)/.test(operator))) return 'IsNumeric';
  if (operators.some((operator) => /^String(Less|Greater|Matches)/.test(operator))) return 'IsString';
  return undefined;
}
