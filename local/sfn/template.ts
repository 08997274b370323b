/** Payload templates, and the paths and intrinsic functions in their fields that end in `.$`. */
import type { Json } from './definition.ts';
import { StateFailure, Unsupported } from './failure.ts';
import { compileRequired, type Evaluate, PATH } from './paths.ts';

/** @throws Unsupported */
export function compileTemplate(template: unknown): Evaluate {
  if (typeof template !== 'object' || template === null) return () => template as Json;
  if (Array.isArray(template)) {
    const items = template.map(compileTemplate);
    return (scope) => items.map((item) => item(scope));
  }
  const members = Object.entries(template).map(([key, value]): [string, Evaluate] =>
    key.endsWith('.$') ? [key.slice(0, -2), compileExpression(value)] : [key, compileTemplate(value)],
  );
  return (scope) => Object.fromEntries(members.map(([key, member]) => [key, member(scope)]));
}

const TOKEN = new RegExp(
  String.raw`\s*(?:(?<call>States\.\w+)\(|(?<path>${PATH})|'(?<text>(?:\\'|[^'\\])*)'|(?<literal>-?\d+(?:\.\d+)?|true|false|null)(?![\w.])|(?<mark>[,)]))\s*`,
  'uy',
);

/** A path, or a call of an intrinsic function. @throws Unsupported */
export function compileExpression(text: unknown): Evaluate {
  if (typeof text !== 'string' || !text.startsWith('States.')) return compileRequired(text);
  const tokens = tokensOf(text);
  const expression = parse(tokens, text);
  if (tokens.length > 0) throw new Unsupported(text);
  return expression;
}

type Token = Partial<Record<'call' | 'path' | 'text' | 'literal' | 'mark', string>>;

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const { groups } = TOKEN.exec(text) ?? {};
    if (groups === undefined) throw new Unsupported(text);
    tokens.push(groups);
  }
  return tokens;
}

/** Removes what it has parsed from `tokens`. */
function parse(tokens: Token[], whole: string): Evaluate {
  const { call, path, text, literal } = tokens.shift() ?? {};
  if (path !== undefined) return compileRequired(path);
  if (text !== undefined) return () => text.replaceAll("\\'", "'");
  if (literal !== undefined) return () => JSON.parse(literal) as Json;
  const evaluate = FUNCTIONS[call ?? ''];
  if (evaluate === undefined) throw new Unsupported(whole);
  const args: Evaluate[] = [];
  for (let isLast = tokens[0]?.mark === ')' && tokens.shift() !== undefined; !isLast; ) {
    args.push(parse(tokens, whole));
    const { mark } = tokens.shift() ?? {};
    if (mark === undefined) throw new Unsupported(whole);
    isLast = mark === ')';
  }
  return (scope) =>
    evaluate(
      args.map((arg) => arg(scope)),
      scope.random,
    );
}

/**
 * The supported intrinsic functions; a further one takes a line here, and a test. Source:
 * https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
 */
const FUNCTIONS: Readonly<Record<string, (args: Json[], random: () => number) => Json>> = {
  'States.Array': (args) => args,
  'States.Format': ([template, ...values]) => format(template, values),
  'States.MathAdd': (args) => integers(args).reduce((sum, number) => sum + number),
  // From the first up to, but not including, the second.
  'States.MathRandom': (args, random) => {
    const [from, to] = integers(args);
    return from + Math.floor(random() * (to - from));
  },
};

function format(template: Json | undefined, values: Json[]): string {
  const parts = typeof template === 'string' ? template.split('{}') : [];
  if (parts.length !== values.length + 1) {
    throw new StateFailure('States.IntrinsicFailure', 'States.Format needs a value for each {} of its template.');
  }
  const texts = values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
  return parts.map((part, index) => part + (texts[index] ?? '')).join('');
}

/** Other numbers are rounded, as in AWS. */
function integers(args: Json[]): [number, number] {
  const [a, b] = args;
  if (args.length === 2 && typeof a === 'number' && typeof b === 'number') return [Math.round(a), Math.round(b)];
  throw new StateFailure('States.IntrinsicFailure', `Two numbers are needed here, not ${JSON.stringify(args)}.`);
}
