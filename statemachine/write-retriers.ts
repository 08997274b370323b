/** Writes retriers into the text of an ASL file, and leaves every other byte unchanged. */
import { InvalidInputError } from '../lambdas/errors/errors.ts';
import type { Retrier } from './retriers.ts';

/** The line width of biome.json, which checks the result. */
const LINE_WIDTH = 120;
const STATE = /^ {4}"(?<name>.+)": \{$/;
const RETRY = /^ {6}"Retry": \[(?<empty>\],?)?$/;
const END = /^ {6}\],?$/;

/**
 * @param definition Text of an ASL file, formatted by biome
 * @param retriers The retriers of every Task state, by its name
 * @throws InvalidInputError (a `Retry` of a state without policies, or a Task that has policies but no `Retry`)
 */
export function withRetriers(definition: string, retriers: Readonly<Record<string, readonly Retrier[]>>): string {
  const written: string[] = [];
  const missing = new Set(Object.keys(retriers));
  let state = '';
  let isSkipping = false;
  for (const line of definition.split('\n')) {
    if (isSkipping && !END.test(line)) continue;
    state = STATE.exec(line)?.groups?.name ?? state;
    const retry = isSkipping ? null : RETRY.exec(line);
    if (retry === null) {
      written.push(line);
      isSkipping = false;
      continue;
    }
    const rules = retriers[state];
    if (rules === undefined) {
      throw new InvalidInputError(
        `"${state}" has Retry, but no policies. Name them in statemachine/retriers-by-task.ts.`,
      );
    }
    missing.delete(state);
    const { empty } = retry.groups ?? {};
    written.push('      "Retry": [', ...rules.flatMap((rule, n) => lines(rule, n === rules.length - 1)));
    if (empty === undefined) isSkipping = true;
    else written.push(`      ${empty}`);
  }
  if (missing.size > 0) {
    throw new InvalidInputError(
      `No Retry to write into: ${[...missing].join(', ')}. Give each of these Tasks "Retry": [] in the ASL file.`,
    );
  }
  return written.join('\n');
}

function lines(retrier: Retrier, isLast: boolean): string[] {
  const fields = Object.entries(retrier);
  const inner = fields.flatMap(([name, value], n) => field(name, value, n === fields.length - 1 ? '' : ','));
  return ['        {', ...inner, isLast ? '        }' : '        },'];
}

function field(name: string, value: unknown, comma: string): string[] {
  const start = `          ${JSON.stringify(name)}: `;
  if (!Array.isArray(value)) return [`${start}${JSON.stringify(value)}${comma}`];
  const items = value.map((item) => JSON.stringify(item));
  const line = `${start}[${items.join(', ')}]${comma}`;
  if (line.length <= LINE_WIDTH) return [line];
  return [
    `${start}[`,
    ...items.map((item, n) => `            ${item}${n === items.length - 1 ? '' : ','}`),
    `          ]${comma}`,
  ];
}
