/** Options by which `deltas` and `rejections` show a part of a list. */
import type { Command } from 'commander';
import { parseCount } from './filter.ts';
import { count } from './output.ts';

export interface PagingOptions {
  limit: number;
  offset: number;
}

export function withPaging(command: Command, limit: number): Command {
  return command
    .option('-n, --limit <count>', 'how many', Number, limit)
    .option('--offset <count>', 'how many to pass over first', Number, 0);
}

/** @throws InvalidInputError */
export function checkPaging({ limit, offset }: PagingOptions): PagingOptions {
  parseCount('--limit', limit, 1);
  parseCount('--offset', offset, 0);
  return { limit, offset };
}

/** The table, and how many are behind what it shows. */
export function withRest(table: string, left: number, noun: string): string {
  return left > 0 ? `${table}\nand ${count(left, `more ${noun}`)}.` : table;
}
