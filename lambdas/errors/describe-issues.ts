/** Describes what is wrong with a value in words for users, since those of the schema library are for programmers. */
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

const MAX_ISSUES = 5;
const MAX_SHOWN_LENGTH = 40;
const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
};

/**
 * One sentence without its full stop, e.g. `"limit" must be a number, not "ten"; "wher" is unknown`.
 * @param given What was parsed.
 */
export function describeIssues({ issues }: z.ZodError, given: unknown): string {
  const shown = issues.slice(0, MAX_ISSUES).map((issue) => describeIssue(issue, given));
  const left = issues.length - shown.length;
  return [...shown, ...(left > 0 ? [`and ${left} more`] : [])].join('; ');
}

/** @param whole What the value as a whole is called. */
export function describeIssue(issue: Issue, given: unknown, whole = 'it'): string {
  const where = issue.path.length === 0 ? whole : `"${issue.path.map(String).join('.').slice(0, 80)}"`;
  if (issue.code === 'unrecognized_keys') {
    const [first = '', ...others] = issue.keys.map((key) => `"${shortened(key)}"`);
    const names = [first, ...others.slice(0, MAX_ISSUES)].join(', ');
    return `${names}${issue.path.length === 0 ? '' : ` in ${where}`} ${others.length === 0 ? 'is' : 'are'} unknown`;
  }
  return `${where} ${whatIsWrong(issue, valueAt(given, issue.path))}`;
}

function whatIsWrong(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return value === undefined
        ? 'is missing'
        : `must be ${KINDS[issue.expected] ?? issue.expected}, not ${kindOf(value)}`;
    case 'too_small':
      return `must ${bound(issue.origin, 'at least', issue.minimum, issue.inclusive)}`;
    case 'too_big':
      return `must ${bound(issue.origin, 'at most', issue.maximum, issue.inclusive)}`;
    case 'invalid_value':
      return `must be ${oneOf(issue.values)}`;
    case 'invalid_union':
      return value === undefined ? 'is missing' : unionOf(issue);
    case 'invalid_format':
      return 'has the wrong format';
    case 'custom':
      return issue.message;
    default:
      return 'is not valid';
  }
}

/** An issue about a member that selects the kind of object, or about a value that may be of several kinds. */
function unionOf(issue: Extract<Issue, { code: 'invalid_union' }>): string {
  const { options } = issue as { options?: unknown[] };
  return options === undefined ? 'has the wrong type' : `must be ${oneOf(options)}`;
}

function bound(origin: string, which: 'at least' | 'at most', limit: number | bigint, inclusive = true): string {
  if (origin === 'string') {
    return limit === 1 && which === 'at least' ? 'not be empty' : `have ${which} ${limit} characters`;
  }
  if (origin === 'array') return `have ${which} ${limit} ${limit === 1 ? 'element' : 'elements'}`;
  if (inclusive) return `be ${which} ${limit}`;
  return which === 'at least' ? `be above ${limit}` : `be below ${limit}`;
}

function oneOf(values: readonly unknown[]): string {
  const names = values.map((value) => `"${String(value)}"`);
  return names.length === 1 ? `${names[0]}` : `one of ${names.join(', ')}`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return `"${shortened(value)}"`;
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : String(value);
}

function shortened(text: string): string {
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text;
}

function valueAt(given: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], given);
}
