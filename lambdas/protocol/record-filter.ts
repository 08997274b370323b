/**
 * Checks the members of a filter; their values are the engine's own language and passed on unchanged. A member with an
 * unknown name would be ignored silently, and the answer mistaken for a filtered one.
 */
import { z } from 'zod';
import { describeIssues } from '../errors/describe-issues.ts';
import { InvalidInputError } from '../errors/errors.ts';

/** Columns of a record that the engine can be asked for. */
export const COLUMNS = ['documents', 'embeddings', 'metadatas'] as const;
export type Column = (typeof COLUMNS)[number];

const object = z.record(z.string(), z.unknown());
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

export const filterMembers = {
  where: object.optional(),
  whereDocument: object.optional(),
  include: z.array(z.enum(COLUMNS)).optional(),
};

const filter = z.strictObject(filterMembers);
/** As many as the smallest batch of any engine: a page is one request. */
const MAX_IDS = 1_000;

const page = z.strictObject({
  ...filterMembers,
  // An empty list would mean "all" to one engine and "none" to another.
  ids: z.array(z.string()).min(1).max(MAX_IDS).optional(),
  limit: count.min(1).optional(),
  offset: count.optional(),
});

/** @throws InvalidInputError (a member is unknown, or of another kind) */
export function checkFilter(given: unknown): void {
  check(filter, given);
}

/** @throws InvalidInputError (a member is unknown, or of another kind) */
export function checkPage(given: unknown): void {
  check(page, given);
}

function check(schema: z.ZodType, given: unknown): void {
  const { error } = schema.safeParse(given);
  if (error !== undefined) throw new InvalidInputError(`This is no filter: ${describeIssues(error, given)}`);
}
