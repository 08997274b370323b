/** Options by which `query` and `get` limit their results: Chroma's own filter language, as JSON. */
import type { Command } from 'commander';
import { InvalidInputError } from '../lambdas/errors/errors.ts';
import type { RecordFilter } from '../lambdas/ports.ts';
import { COLUMNS, type Column, checkFilter } from '../lambdas/protocol/record-filter.ts';
import { parseExact } from '../lambdas/snapshot/exact-json.ts';

export interface FilterOptions {
  where?: string;
  whereDocument?: string;
  include?: string;
}

export function withFilter(command: Command): Command {
  return command
    .option('--where <json>', 'only records whose metadata match, in the words of Chroma')
    .option('--where-document <json>', 'only records whose document matches, in the words of Chroma')
    .option('--include <columns>', `of ${COLUMNS.join(',')}`, 'documents,metadatas');
}

/** @throws InvalidInputError */
export function parseFilter({ where, whereDocument, include }: FilterOptions): RecordFilter {
  const filter: RecordFilter = {
    ...(where !== undefined && { where: parseJson('--where', where) }),
    ...(whereDocument !== undefined && { whereDocument: parseJson('--where-document', whereDocument) }),
    ...(include !== undefined && { include: include.split(',').filter((name) => name !== '') as Column[] }),
  };
  checkFilter(filter);
  return filter;
}

function parseJson(option: string, text: string): Record<string, unknown> {
  try {
    return parseExact(text) as Record<string, unknown>;
  } catch (cause) {
    throw new InvalidInputError(`${option} is not JSON: ${(cause as Error).message}.`, { cause });
  }
}

export function parseCount(option: string, value: number | undefined, least: number): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return value;
  throw new InvalidInputError(`${option} must be a whole number from ${least} on.`);
}
